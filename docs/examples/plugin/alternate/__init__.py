"""A plug-in for Tether: two engines and a feature, as small as they can be."""
