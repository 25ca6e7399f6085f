"""Help: how to read the page, and what it cannot do."""

from __future__ import annotations

import streamlit as st

_TEXT = """
#### What happens to a study

It is read, brought to the form the encoder takes, and turned into a list of numbers (an
embedding). So was every case of the bank. Two scans that the encoder finds alike have embeddings
close together. Nothing you open leaves this computer, and an upload is forgotten when you close
the page.

#### How to read a distance

- **Lower is closer.** 0 means that the encoder cannot tell two scans apart.
- A distance has no unit, and means something only within one bank, one encoder and one metric.
  Distances of two banks cannot be compared.
- The **limit** is where 95 of 100 cases of the bank still find a case of another patient nearby.
  A query farther from everything than that is probably **none of these**.
- A distance is **not a probability**, and a small one is **not a diagnosis**: it says that two
  scans look alike to this encoder.

#### How to read the ranking

- Conditions are ranked by their nearest patient, by a vote of the k nearest patients, or by the
  distance to the mean of a condition, as chosen under *Settings*. Where the three disagree, a note
  says so: then look harder.
- Each condition names its nearest case. **Look at that case.** If it does not look like the query
  to you, trust your eyes.
- The query's own patient never counts, if the bank knows the patient.
- A condition with fewer than three patients is weak evidence.

#### The two pictures

- Slices are linked by *relative depth*: the middle of one scan beside the middle of the other.
  They are not registered, so the same slice may show another level of the body.
- Letters at the edges are the patient's sides (R, L, A, P, H, F). Where they are missing, left and
  right are not known.
- Both pictures have the same mm scale, and a ruler, where the spacing is known and the sizes allow
  it.
- *Same values* windows both with the same numbers. That is right for CT. Grey values of MR and
  others have no fixed meaning: there *1 to 99 % of each* is the fair choice.

#### What it cannot do

- It knows only the conditions of its bank. It cannot find a disease that is not in there.
- It was made for the kind of scan named on the *Bank* page. Another modality, body part or device
  gets an answer too, and that answer may be worthless even where no warning shows.
- It does not find or outline a lesion, and it does not say why two scans look alike to it.
- It is not a medical device. Research use only. Not for diagnosis.
"""


def help_page() -> None:
    """Draw the page."""
    st.subheader("How to read this page")
    text, _ = st.columns([3, 1])
    text.markdown(_TEXT)
