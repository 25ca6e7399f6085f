"""SCORE: a folder -> one outcome per series, and tables in which every file is accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.scoring.extra import Extra as Extra
    from medsiam.scoring.merging import merge_runs as merge_runs
    from medsiam.scoring.outcome import Failure as Failure
    from medsiam.scoring.outcome import Outcome as Outcome
    from medsiam.scoring.outcome import Skip as Skip
    from medsiam.scoring.part import Part as Part
    from medsiam.scoring.part import read_part as read_part
    from medsiam.scoring.past_run import ScoredSeries as ScoredSeries
    from medsiam.scoring.past_run import ScoringRun as ScoringRun
    from medsiam.scoring.past_run import list_runs as list_runs
    from medsiam.scoring.past_run import read_run as read_run
    from medsiam.scoring.run import RunCounts as RunCounts
    from medsiam.scoring.run import run_scoring as run_scoring
    from medsiam.scoring.schema import COLUMNS as COLUMNS
    from medsiam.scoring.scope import why_not as why_not
    from medsiam.scoring.scope import why_skipped as why_skipped
    from medsiam.scoring.score import score_folder as score_folder
    from medsiam.scoring.score import score_sources as score_sources
    from medsiam.scoring.score import unreadable as unreadable
    from medsiam.scoring.series_name import Named as Named
    from medsiam.scoring.series_name import Shard as Shard
    from medsiam.scoring.series_name import named_series as named_series
    from medsiam.scoring.settings import Limits as Limits
    from medsiam.scoring.settings import Question as Question
    from medsiam.scoring.study_objects import StudyObjects as StudyObjects
    from medsiam.scoring.suggestion import Suggestion as Suggestion
    from medsiam.scoring.suggestion import suggest as suggest
    from medsiam.scoring.watch import watch_folder as watch_folder

_HOMES = {
    "COLUMNS": ".schema",
    "Extra": ".extra",
    "Failure": ".outcome",
    "Limits": ".settings",
    "Named": ".series_name",
    "Outcome": ".outcome",
    "Part": ".part",
    "Question": ".settings",
    "RunCounts": ".run",
    "ScoredSeries": ".past_run",
    "ScoringRun": ".past_run",
    "Shard": ".series_name",
    "Skip": ".outcome",
    "StudyObjects": ".study_objects",
    "Suggestion": ".suggestion",
    "list_runs": ".past_run",
    "merge_runs": ".merging",
    "named_series": ".series_name",
    "read_part": ".part",
    "read_run": ".past_run",
    "run_scoring": ".run",
    "score_folder": ".score",
    "score_sources": ".score",
    "suggest": ".suggestion",
    "unreadable": ".score",
    "watch_folder": ".watch",
    "why_not": ".scope",
    "why_skipped": ".scope",
}

__all__ = [*_HOMES]
__getattr__ = lazy_names(__name__, _HOMES)
