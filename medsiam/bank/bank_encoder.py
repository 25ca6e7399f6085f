"""The one encoder of a bank: whose embeddings it holds, and what runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam.bank.place import BankPlace
from medsiam.bank.store import BankFacts
from medsiam.encoders.card import EncoderCard
from medsiam.encoders.exported import Exported, choose_runtime
from medsiam.encoders.runtimes import RuntimeChoice, RuntimeName
from medsiam.errors import EncoderMismatchError, UsageError

if TYPE_CHECKING:
    from medsiam.encoders import Encoder


class BankEncoder:
    """Loaded when it is first needed; its card and runtime are known before.

    Attributes:
        card: of the encoder in the bank.
    """

    def __init__(
        self,
        place: BankPlace,
        facts: BankFacts,
        card: EncoderCard,
        *,
        runtime: RuntimeChoice = "auto",
        loaded: Encoder | None = None,
    ) -> None:
        """Check the card of a bank's encoder against the bank.

        Args:
            place: of the bank.
            facts: of the bank.
            card: of the encoder that lies there.
            runtime: what runs it.
            loaded: the encoder, where it is at hand.

        Raises:
            EncoderMismatchError: it is not the one that filled the bank.
        """
        self._place, self._facts, self.card = place, facts, card
        self._wanted = runtime
        self._loaded = loaded
        self._runtime = None if loaded is None else loaded.runtime
        self.check(card)

    def load(self) -> Encoder:
        """Return the encoder.

        Raises:
            EncoderError: it is damaged, or the runtime that was asked for cannot be had.
            EncoderMismatchError: it is not the one that filled the bank.
        """
        if self._loaded is None:
            encoder = self._place.load_encoder(self._wanted)
            self.check(encoder.card)
            self._loaded, self._runtime = encoder, encoder.runtime
        return self._loaded

    @property
    def runtime(self) -> RuntimeName:
        """What embeds new scans; see `ReferenceBank.runtime`."""
        if self._runtime is None:
            exported = None
            if self._wanted != "torch":
                exported = self._place.find_exported(self.card.fingerprint)
            self._runtime = choose_runtime(self._wanted, exported, name=str(self._place.where))
        return self._runtime

    def load_to_add(self) -> Encoder:
        """Return the encoder, for embeddings that the bank keeps.

        Raises:
            UsageError: its runtime is of lower precision.
        """
        if self.runtime == "openvino-bf16":
            raise UsageError(
                f"bank {self._place.where} is opened with runtime {self.runtime}; cases are added "
                "in full precision: open it with another one"
            )
        return self.load()

    def keep_exported(self, exported: Exported) -> None:
        """Put a graph beside the encoder; see `ReferenceBank.keep_exported`."""
        if exported.card.fingerprint != self.card.fingerprint:
            raise EncoderMismatchError(
                f"bank {self._place.where}: the graph was made from another encoder "
                f"({exported.card.fingerprint[:12]})"
            )
        self._place.keep_exported(exported)

    def check(self, card: EncoderCard) -> None:
        """Refuse any encoder but the one whose embeddings are in the bank."""
        facts = self._facts
        if card.fingerprint != facts.encoder_fingerprint:
            raise EncoderMismatchError(
                f"bank {self._place.where} was filled by encoder {facts.encoder_name} "
                f"({facts.encoder_fingerprint[:12]}), not by encoder {card.name} "
                f"({card.fingerprint[:12]}); distances between the two mean nothing: use the "
                "bank's own encoder, or fill a new bank"
            )
