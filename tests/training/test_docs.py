"""docs/training.md has every key of the configuration, with its default, as the models have them.

python -m tests.training.test_docs prints the table anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from medsiam.training import TrainingConfig

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


def rows(model: type[BaseModel], where: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        section = model_of(field.annotation)
        if section is not None:
            found += rows(section, f"{where}{name}.")
            continue
        default = field.default
        shown = "needed" if default is PydanticUndefined else f"`{toml(default)}`"
        says = field.description or SAYS[f"{where}{name}"]
        found.append(f"| `{where}{name}` | {choices(field.annotation)}{says} | {shown} |")
    return found


# What the recipe's docstring says of these.
SAYS = {
    "recipe.spatial_dims": "images or volumes",
    "recipe.fit": "how `spatial_size` is reached",
    "recipe.intensity": "how values are mapped",
    "run.seed": "where all randomness starts",
    "encoder.backbone": "the network",
    "encoder.embedding_dim": "length of an embedding",
    "pretraining.epochs": "0: none",
    "pretraining.scans_per_batch": "each seen twice",
    "pretraining.temperature": "of the contrastive loss",
    "pretraining.learning_rate": "highest",
    "sampling.steps_per_epoch": "batches until validation",
    "loss.kind": "the loss",
    "optimiser.learning_rate": "highest",
    "optimiser.weight_decay": "of AdamW",
    "schedule.warmup_epochs": "in which the rate rises",
    "early_stop.patience": "epochs without better validation",
    "encoder.anatomy.structures": "names of the labels 1, 2, ... of the masks",
    "encoder.anatomy.centre": "structure whose axis levels and sectors are drawn around",
    "encoder.anatomy.front": "structure towards which the first sector points",
    "encoder.anatomy.channels": "of the segmenting U-Net, one per resolution",
    "encoder.anatomy.spacing": "mm between the voxels it sees",
}


def model_of(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def choices(annotation: Any) -> str:
    """ "a", "b": the words that may stand there."""
    words = [word for word in (*get_args(annotation),) if isinstance(word, str | int)]
    return ", ".join(f"`{toml(word)}`" for word in words) + ": " if words else ""


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return "absent" if value is None else f'"{value}"' if isinstance(value, str) else str(value)


def test_every_key_is_in_the_table_as_it_is():
    text = PAGE.read_text(encoding="utf-8")
    missing = [row for row in rows(TrainingConfig) if row not in text]
    assert not missing
    documented = [line for line in text.splitlines() if line.startswith("| `")]
    known = {row.split("`")[1] for row in rows(TrainingConfig)}
    section = text[text.index("## Every key") :]
    listed = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert documented
    assert sorted(listed) == sorted(known)


def test_every_section_has_keys():
    assert {row.split("`")[1].partition(".")[0] for row in rows(TrainingConfig)} == set(
        TrainingConfig.model_fields
    )


if __name__ == "__main__":
    print("\n".join(rows(TrainingConfig)))
