"""Help: how to read the pages, what the keys do, and what medsiam cannot do."""

from __future__ import annotations

import streamlit as st

_SECTIONS = {
    "What happens to a study": """
It is read, brought to the form the encoder takes, and turned into a list of numbers (an
embedding). So was every case of the bank. Two scans that the encoder finds alike have embeddings
close together. Nothing you open leaves the computer that medsiam runs on. A study stays in its
memory until you close it on *Start*, or until nobody has looked at it for two hours.
""",
    "How to read a distance": """
- **Lower is closer.** 0 means that the encoder cannot tell two scans apart.
- A distance has no unit, and means something only within one bank, one encoder and one metric.
  Distances of two banks cannot be compared.
- The **limit** is where 95 of 100 cases of the bank still find a case of another patient nearby.
  A query farther from everything than that is probably **none of these**.
- A distance is **not a probability**, and a small one is **not a diagnosis**: it says that two
  scans look alike to this encoder.
- A **probability** is shown only where the bank was calibrated and the calibration held on
  patients left out. How well it held is on *Bank*, *Versions and calibration*.
""",
    "How to read the ranking": """
- Conditions are ranked by their nearest patient, by a vote of the k nearest patients, by the
  distance to the mean of a condition, or in a calibrated bank by all of them combined, as chosen
  under *Settings*. Where the ways disagree, a note says so: then look harder.
- Each condition names its nearest case. **Look at that case.** If it does not look like the query
  to you, trust your eyes.
- The query's own patient never counts, if the bank knows the patient.
- A condition with fewer than three patients is weak evidence. A case **without proof** is hatched.
""",
    "Ask about a part, or steer": """
- **Region**: draw a box in an image, or choose a slab of slices in a volume. The cases are ranked
  again by that part alone. A small region holds little: read such a ranking as a hint.
- **More like this, not like this**: mark matches, and the ranking moves towards the one and away
  from the other. Distances then are to a mixture and no longer to your study alone.
- **Blinded reading** (under *Settings*): the diagnoses of the bank stay hidden until you have
  committed to a guess of your own. Use it to keep your reading free of what the encoder suggests.
""",
    "The two pictures": """
- Slices are linked **by position in mm** where both scans lie in one frame, else **by relative
  depth**: the middle of one beside the middle of the other. The page says which. They are not
  registered, so the same depth may show another level of the body.
- Letters at the edges are the patient's sides (R, L, A, P, H, F). Where they are missing, left and
  right are not known.
- Both pictures have the same mm scale, and a ruler, where the spacing is known and the sizes allow
  it.
- The same window on both is right for CT. Grey values of MR and others have no fixed meaning:
  there *1 to 99 % of each* is the fair choice.
""",
    "Keys of the viewer": """
| key | what it does |
| --- | --- |
| wheel, arrow up, arrow down | scroll through the slices |
| S, W, P, Z, B | tool: scroll, window, pan, zoom, region |
| V, T | next plane; one plane or three |
| L, M, E | how slices are linked; map off, 50 %, only; other phase |
| R | back to the beginning |
| F or space, held | the match in the query's frame |
| J, K | next match, previous match |
| 1, 2, 3, 4 | same condition, plausible, not similar, none of these |
| ? | all of them, beside the viewer |

Keys work while the viewer has the focus: press Tab until its frame is marked, or click on it.
Everything else on the pages is reached with Tab and opened with Enter or space.
""",
    "Verdicts": """
- **Same condition**: this match shows what the query shows. **Plausible**: it could. **Not
  similar**: it does not. **None of these**: nothing in this bank fits the query.
- A verdict is kept with your name, the time, the study's hash and the version of the bank. It can
  be taken back; both stay on record, chained so that a change shows (`medsiam reviews verify`).
- Verdicts **never change** the bank or the encoder by themselves.
""",
    "The bank, audits and the map": """
- A bank changes only by versions: *who* added or removed *what*, and *why*. Older versions stay.
- A **calibration** belongs to the version it was measured on.
- The **audit** looks for labels that do not fit, one patient filed twice, and shortcuts through
  scanner or source. It changes nothing; a person decides.
- The **map** is approximate. Near neighbours mean something, far distances do not.
""",
    "What it cannot do": """
- It knows only the conditions of its bank. It cannot find a disease that is not in there.
- It was made for the kind of scan named on the *Encoders* page. Another modality, body part or
  device gets an answer too, and that answer may be worthless even where no warning shows.
- It does not find or outline a lesion. Maps of *why similar* show where two scans look alike to
  the encoder, not where a disease is.
- Figures on these pages were measured on the patients named beside them, and on no others.
- It is not a medical device. Research use only. Not for diagnosis.
""",
    "Licence and research use": """
medsiam is free software under the Apache License 2.0. The weights of an encoder and the cases of a
bank have licences of their own: they are on the *Encoders* page and with each case.
""",
}


def help_page() -> None:
    """Draw the page: one text, so that the browser's own search finds every word."""
    st.subheader("Help")
    text, contents = st.columns([3, 1], gap="large")
    with text:
        for title, words in _SECTIONS.items():
            st.markdown(f"#### {title}\n{words}")
    with contents:
        st.markdown("##### On this page")
        st.markdown("\n".join(f"- [{title}](#{_anchor(title)})" for title in _SECTIONS))


def _anchor(title: str) -> str:
    return title.lower().replace(",", "").replace(" ", "-")
