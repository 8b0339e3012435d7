"""From sound and words to who speaks when: activity, turns, quality, voices, roles."""
