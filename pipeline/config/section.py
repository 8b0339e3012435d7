"""What all sections of the settings share."""

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """Base of all settings: frozen; a key that is not known is an error, and so is infinity or NaN.

    Attributes
    ----------
    ordered
        Pairs of keys of which the first must be less than the second, or at most as much.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    ordered: ClassVar[tuple[tuple[str, Literal["<", "<="], str], ...]] = ()

    @model_validator(mode="after")
    def _keeps_order(self) -> Self:
        wrong = []
        for lower, sign, upper in self.ordered:
            low, high = getattr(self, lower), getattr(self, upper)
            if low > high or (sign == "<" and low == high):
                must = "be less than" if sign == "<" else "not exceed"
                wrong.append(f"{lower} ({low}) must {must} {upper} ({high})")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self
