"""SCORE: a folder -> one outcome per series, and tables in which every file is accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.scoring.outcome import Failure as Failure
    from medsiam.scoring.outcome import Outcome as Outcome
    from medsiam.scoring.outcome import Skip as Skip
    from medsiam.scoring.past_run import ScoredSeries as ScoredSeries
    from medsiam.scoring.past_run import ScoringRun as ScoringRun
    from medsiam.scoring.past_run import list_runs as list_runs
    from medsiam.scoring.past_run import read_run as read_run
    from medsiam.scoring.score import score_folder as score_folder
    from medsiam.scoring.score import score_sources as score_sources
    from medsiam.scoring.score import unreadable as unreadable
    from medsiam.scoring.score import why_not as why_not
    from medsiam.scoring.suggestion import Suggestion as Suggestion
    from medsiam.scoring.suggestion import suggest as suggest
    from medsiam.scoring.tables import write_results as write_results

_HOMES = {
    "Failure": ".outcome",
    "Outcome": ".outcome",
    "ScoredSeries": ".past_run",
    "ScoringRun": ".past_run",
    "Skip": ".outcome",
    "Suggestion": ".suggestion",
    "list_runs": ".past_run",
    "read_run": ".past_run",
    "score_folder": ".score",
    "score_sources": ".score",
    "suggest": ".suggestion",
    "unreadable": ".score",
    "why_not": ".score",
    "write_results": ".tables",
}

__all__ = [*_HOMES]
__getattr__ = lazy_names(__name__, _HOMES)
