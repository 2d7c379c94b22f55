"""Characters of recorded texts that a terminal, or a reader's eye, would be steered by; shown as a dot or escaped."""

from __future__ import annotations

import re

_UNSEEN = (
    r"\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0000-\U000e007f"
)
"""What turns the direction of a line, ends it, or is not to be seen; and halves of surrogates."""

STEERING = re.compile(rf"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f{_UNSEEN}]")
"""What would move the cursor, ring or rename the window besides: all but ends of lines, tabs and colours."""

STEERING_IN_JSON = re.compile(rf"[{_UNSEEN}]")
"""What of it JSON leaves as it is."""
