"""The readers' verdicts of a bank: added to, checked whenever they are read, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from medsiam.bank.review import NewReview, Review, checked
from medsiam.bank.review_chain import Head, StoredReviews, anchor, faults
from medsiam.errors import BankError, UsageError

if TYPE_CHECKING:
    from medsiam.bank.store import BankFacts

_FAULTS_SHOWN = 3


class ReviewStore(Protocol):
    """Storage of reviews. Nothing is ever changed but the recorded end of the chain."""

    def append(self, new: NewReview) -> Review:
        """Add one review as the next of the chain; when this returns, it is durable."""

    def read(self, *, after: int = 0) -> StoredReviews:
        """The reviews after a number and the end of the chain, at one moment, unchecked."""

    def head(self) -> Head | None:
        """The recorded end of the chain, unchecked."""


@dataclass(frozen=True)
class ChainCheck:
    """What was found when the chain was checked.

    Attributes:
        n_reviews: that are there.
        head: digest at which the chain ends.
        faults: a sentence for everything that is not as it was kept.
        n_until_noted: how many reviews stand before and at the head that was noted elsewhere: they
            are those that stood there when it was noted. None where none was given, or it is not
            in the chain.
    """

    n_reviews: int
    head: str
    faults: tuple[str, ...]
    n_until_noted: int | None = None

    @property
    def sound(self) -> bool:
        """True where nothing was found."""
        return not self.faults


class ReviewLog:
    """The reviews of one bank. They change neither its cases nor its versions nor its answers."""

    def __init__(self, store: ReviewStore, facts: BankFacts) -> None:
        self._store = store
        self._facts = facts
        self._known: tuple[Head | None, tuple[Review, ...]] = None, ()

    @property
    def head(self) -> str:
        """Digest of the newest review, or of the bank itself where there is none: note it down."""
        head = self._store.head()
        return anchor(self._facts) if head is None else head.digest

    def append(self, new: NewReview) -> Review:
        """Keep a review. When this returns it is on the disk, whatever happens next.

        Raises:
            UsageError: it contradicts itself, or withdraws what cannot be withdrawn.
            BankError: the chain is damaged; nothing was added.
            OutputError: the bank cannot be written.
        """
        return self._store.append(checked(new))

    def withdraw(self, number: int, *, reader: str, comment: str | None = None) -> Review:
        """Keep that a reader takes his verdict back; the verdict itself stays where it is.

        Raises:
            UsageError: there is no such verdict, it is another reader's, or it was withdrawn.
        """
        verdict = next((review for review in self.all() if review.number == number), None)
        if verdict is None:
            raise UsageError(f"there is no verdict {number} to withdraw")
        return self.append(
            NewReview(
                kind="withdrawn",
                reader=reader,
                study=verdict.study,
                bank_version=verdict.bank_version,
                encoder_fingerprint=verdict.encoder_fingerprint,
                comment=comment,
                refers_to=number,
            )
        )

    def all(self) -> tuple[Review, ...]:
        """Every review, oldest first; each is checked when it is first read.

        Raises:
            BankError: they are not as they were kept.
        """
        known_head, known = self._known
        if known_head is None or known_head != self._store.head():
            last = known[-1] if known else None
            stored = self._store.read(after=last.number if last else 0)
            if last and faults(stored, self._facts, after=last):
                last, known, stored = None, (), self._store.read()  # to name what has changed
            if found := faults(stored, self._facts, after=last):
                raise self._not_as_kept(found)
            known = (*known, *(_review(values) for values in stored.reviews))
            self._known = stored.head, known
        return known

    def _not_as_kept(self, found: tuple[str, ...]) -> BankError:
        more = f"; and {len(found) - _FAULTS_SHOWN} more" if found[_FAULTS_SHOWN:] else ""
        return BankError(
            f"the readers' verdicts of bank {self._facts.name} are not as they were kept: "
            f"{'; '.join(found[:_FAULTS_SHOWN])}{more}; restore the bank from a copy"
        )

    def of_study(self, study: str) -> tuple[Review, ...]:
        """The reviews of one study, oldest first, withdrawn ones and withdrawals included.

        Raises:
            BankError: the reviews are not as they were kept.
        """
        return tuple(review for review in self.all() if review.study == study)

    def verify(self, head: str | None = None) -> ChainCheck:
        """Check every link of the chain and its end; nothing is raised for what is found.

        Args:
            head: digest noted elsewhere earlier: the log's head then, or that of any review. Where
                the chain was computed anew, it is no longer in it.
        """
        stored = self._store.read()
        digests = [anchor(self._facts), *(values["digest"] for values in stored.reviews)]
        found = faults(stored, self._facts)
        until = None
        if head is not None:
            wanted = head.strip().lower()
            until = digests.index(wanted) if wanted in digests else None
            if until is None:
                found += (
                    f"the noted head {wanted[:12]}... is in no link of the chain: reviews that "
                    "stood here when it was noted were changed or removed, or it is another bank's",
                )
        return ChainCheck(len(stored.reviews), str(digests[-1]), found, until)


def _review(values: Any) -> Review:
    return Review(**values)
