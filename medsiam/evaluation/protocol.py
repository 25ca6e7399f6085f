"""How an evaluation is made: one frozen record, readable from TOML."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

# Columns that may tell of single patients or files: their values are never chosen by or shown.
PRIVATE_COLUMNS = ("patient_id", "group", "case_id", "path", "notes", "mask_path")


class EpisodeProtocol(BaseModel):
    """Settings of an evaluation.

    An episode is a small bank and its queries: for each of `n_way` conditions, `n_shot` cases of
    as many subjects are the support, and `n_query` cases of other subjects ask for the nearest
    prototype. Read one from TOML with `medsiam.load_config(path, EpisodeProtocol)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    conditions: tuple[str, ...] | None = Field(
        default=None, description="those compared; None: all"
    )
    n_way: int | None = Field(default=None, ge=2, description="conditions per episode; None: all")
    n_shots: tuple[int, ...] = Field(default=(1, 5, 10), description="support cases per condition")
    uneven: bool = Field(
        default=True, description="also measure shots that differ between conditions, same mean"
    )
    n_episodes: int = Field(default=1000, ge=1, description="for each number of shots")
    n_query: int = Field(default=10, ge=1, description="queries per condition and episode")
    metric: Literal["euclidean", "cosine", "mahalanobis"] = "cosine"
    random_state: int = Field(
        default=0, ge=0, description="seed of the episodes and of the intervals"
    )
    join: Literal["case_id", "patient_id"] = Field(
        default="case_id", description="rows that share it are one case, in phase order"
    )
    filter: dict[str, tuple[str, ...]] = Field(
        default={}, description="column = the values whose rows take part"
    )
    bank_split: str | None = Field(
        default=None, description="value of `split` whose rows are compared with; None: any"
    )
    query_split: str | None = Field(
        default=None, description="value of `split` whose rows ask; None: any"
    )
    sources: Literal["any", "one", "different"] = Field(
        default="any", description="of a query and of the cases it is compared with"
    )
    source_column: str = Field(default="source", description="column that names the source")
    slices: tuple[str, ...] = Field(
        default=("source", "modality", "phase"), description="columns reported value by value"
    )
    n_folds: int | None = Field(
        default=None, ge=2, description="linear probe over so many folds of subjects; None: none"
    )

    @field_validator("filter", mode="before")
    @classmethod
    def _single_values(cls, value: object) -> object:
        """One value may stand without brackets, and a number without quotes."""
        if not isinstance(value, dict):
            return value
        several = {c: v if isinstance(v, list | tuple) else (v,) for c, v in value.items()}
        return {column: tuple(map(_as_text, values)) for column, values in several.items()}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.conditions is not None and len(set(self.conditions)) < len(self.conditions):
            raise ValueError("conditions names one twice")
        if self.conditions is not None and len(self.conditions) < 2:
            raise ValueError("conditions needs at least two")
        if not self.n_shots or min(self.n_shots) < 1:
            raise ValueError("n_shots needs at least one number, each 1 or more")
        if len(set(self.n_shots)) < len(self.n_shots):
            raise ValueError("n_shots names a number twice")
        if any(not values for values in self.filter.values()):
            raise ValueError("filter names a column without a value")
        for key, named in (
            ("filter", self.filter),
            ("slices", self.slices),
            ("source_column", (self.source_column,)),
        ):
            private = [column for column in named if column in PRIVATE_COLUMNS]
            if private:
                raise ValueError(
                    f"{key} names {private[0]}, which may tell of single patients: name another "
                    "column"
                )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the case table that this evaluation looks at."""
        return tuple(dict.fromkeys(("split", self.source_column, *self.slices)))

    @property
    def asked_columns(self) -> tuple[str, ...]:
        """Columns that someone named, so that the case table must have them."""
        named = list(self.filter)
        if "source_column" in self.model_fields_set:
            named.append(self.source_column)
        if "slices" in self.model_fields_set:
            named += self.slices
        return tuple(dict.fromkeys(named))


def _as_text(value: object) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value
