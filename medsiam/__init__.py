"""medsiam: few-shot comparison of medical images. Research use only, not a medical device.

Read a scan, encode it with a twin encoder, compare it with a reference bank of known cases:

    encoder = medsiam.load_encoder("runs/acdc_3d/encoder")
    bank = medsiam.ReferenceBank.create("banks/cardiac", encoder)
    bank.add(medsiam.read_scan("p01.nii.gz"), case_id="p01", condition="HCM", patient_id="p01")
    result = medsiam.compare(medsiam.read_scan("incoming/series_0042"), bank, k=5)

Names are imported on first use: `import medsiam` loads no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names
from medsiam._version import __version__ as __version__
from medsiam.errors import MedsiamError as MedsiamError

if TYPE_CHECKING:
    from medsiam.bank import Case as Case
    from medsiam.bank import ReferenceBank as ReferenceBank
    from medsiam.cases import read_case_table as read_case_table
    from medsiam.comparison import Comparison as Comparison
    from medsiam.comparison import ConditionRank as ConditionRank
    from medsiam.comparison import Match as Match
    from medsiam.comparison import Verdict as Verdict
    from medsiam.comparison import compare as compare
    from medsiam.config import load_config as load_config
    from medsiam.encoders import Encoder as Encoder
    from medsiam.encoders import EncoderCard as EncoderCard
    from medsiam.encoders import TwinEncoder as TwinEncoder
    from medsiam.encoders import load_encoder as load_encoder
    from medsiam.evaluation import evaluate as evaluate
    from medsiam.preprocessing import Recipe as Recipe
    from medsiam.scans import Scan as Scan
    from medsiam.scans import read_scan as read_scan
    from medsiam.scoring import Failure as Failure
    from medsiam.scoring import score_folder as score_folder
    from medsiam.training import TrainingConfig as TrainingConfig
    from medsiam.training import train as train

_HOMES = {
    "Case": ".bank",
    "Comparison": ".comparison",
    "ConditionRank": ".comparison",
    "Encoder": ".encoders",
    "EncoderCard": ".encoders",
    "Failure": ".scoring",
    "Match": ".comparison",
    "Recipe": ".preprocessing",
    "ReferenceBank": ".bank",
    "Scan": ".scans",
    "TrainingConfig": ".training",
    "TwinEncoder": ".encoders",
    "Verdict": ".comparison",
    "compare": ".comparison",
    "evaluate": ".evaluation",
    "load_config": ".config",
    "load_encoder": ".encoders",
    "read_case_table": ".cases",
    "read_scan": ".scans",
    "score_folder": ".scoring",
    "train": ".training",
}

__all__ = ["MedsiamError", "__version__", *_HOMES]
__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
