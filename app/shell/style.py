"""The looks that Streamlit's theme cannot say, and the strip that is on every page.

Each colour has two values, for the light theme and for the dark one; the browser takes the one that
belongs to the theme the reader has chosen.
"""

from __future__ import annotations

from PIL import Image, ImageDraw

from medsiam import ReferenceBank
from medsiam.comparison import RESEARCH_USE
from shell.plain_text import in_html

# (light, dark). Blue and orange of Okabe and Ito's palette, darker where the ground is light.
TEXT_COLOURS = {
    "quiet": ("#4C5664", "#B4BDCA"),
    "notice": ("#7A4F00", "#FFD666"),
    "refused": ("#A3270C", "#FF9E80"),
}
ON_PRIMARY = ("#FFFFFF", "#0E1116")
_COLOURS = {
    **TEXT_COLOURS,
    "ground": ("#EEF1F5", "#1A1F27"),
    "rail": ("#DDE2E9", "#262D38"),
    "edge": ("#6B7685", "#8A94A3"),
    "near": ("#0072B2", "#56B4E9"),
    "far": ("#C77700", "#E69F00"),
    "far-stripe": ("#8A5200", "#7A5600"),
    "mark": ("#000000", "#FFFFFF"),
    "on-primary": ON_PRIMARY,
}
_VARIABLES = " ".join(
    f"--{name}: light-dark({light}, {dark});" for name, (light, dark) in _COLOURS.items()
)

STYLE = (
    f"<style>\n.stApp {{ {_VARIABLES} }}"
    + """
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p {
  color: var(--quiet); opacity: 1; }
.stApp .stMarkdown .stMarkdownBadge[style] { background: none !important; border: 1px solid;
  color: var(--quiet) !important; }
.stApp code { color: inherit; }
.stApp button[kind^="primary"]:not(:disabled), .stApp button[kind^="primary"]:not(:disabled) * {
  color: var(--on-primary); }
.stMainBlockContainer { padding: 4rem 2rem 2rem; max-width: none; }
.strip { position: fixed; top: 0; right: 9.5rem; height: 3.75rem; z-index: 1000000;
  pointer-events: none; display: flex; align-items: center; gap: 1.5rem; font-size: .85rem;
  color: var(--quiet); }
.strip span { max-width: 26rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
@media (max-width: 1100px) { .strip span { display: none; } }
.strip b { color: var(--notice); font-weight: 600; }
.verdict { border-left: 4px solid var(--edge); background: var(--ground); padding: .5rem .9rem; }
.verdict.nearest { border-color: var(--near); }
.verdict.none-of-these, .verdict.out-of-scope { border-color: var(--far); }
.verdict h2 { font-size: 1.15rem; font-weight: 600; margin: 0; padding: 0; line-height: 1.4; }
.verdict ul { margin: .3rem 0 0; padding-left: 1.1rem; font-size: .85rem; color: var(--quiet); }
.verdict li { margin: 0; line-height: 1.4; }
.conditions ol { list-style: none; margin: 0; padding: 0; }
.conditions li { margin: 0 0 .55rem; padding: 0; }
.conditions .line { display: flex; flex-wrap: wrap; justify-content: space-between;
  column-gap: .5rem; }
.conditions .line b { overflow-wrap: anywhere; }
.conditions .line span { font-variant-numeric: tabular-nums; font-size: .87rem; }
.conditions .bar { position: relative; height: .5rem; background: var(--rail); margin: .15rem 0; }
.conditions .bar i { position: absolute; top: 0; bottom: 0; left: 0; }
.conditions .bar .near { background: var(--near); }
.conditions .bar .far { background: repeating-linear-gradient(135deg, var(--far) 0 4px,
  var(--far-stripe) 4px 8px); }
.conditions .bar .tick { width: 2px; top: -3px; bottom: -3px; background: var(--mark); }
.conditions small, .conditions .limit { color: var(--quiet); font-size: .8rem; margin: 0; }
.conditions summary { font-size: .85rem; cursor: pointer; margin-bottom: .4rem; }
.verdict summary { font-size: .85rem; color: var(--quiet); cursor: pointer; margin-top: .2rem; }
.agreement ul { list-style: none; display: flex; flex-wrap: wrap; gap: .35rem; margin: 0;
  padding: 0; }
.agreement li { border: 1px solid var(--edge); border-radius: 1rem; padding: 0 .6rem; margin: 0;
  font-size: .85rem; }
.agreement p { margin: .3rem 0 0; font-size: .85rem; color: var(--notice); }
.pairs { border-collapse: collapse; font-size: .87rem; width: 100%; }
.pairs th, .pairs td { text-align: left; padding: .2rem .8rem .2rem 0; font-weight: 400;
  border-bottom: 1px solid var(--rail); }
.pairs th { color: var(--quiet); }
.pairs td:last-child { color: var(--notice); }
.facts { display: grid; grid-template-columns: minmax(6.5rem, max-content) 1fr; gap: .15rem .8rem;
  margin: 0 !important; padding: 0 !important; font-size: .87rem; }
.facts dt { color: var(--quiet); font-weight: 400; margin: 0; padding: 0; }
.facts dd { margin: 0 !important; padding: 0; overflow-wrap: anywhere; }
.findings { list-style: none; margin: 0; padding: 0; font-size: .9rem; }
.findings li { margin: 0; padding: .1rem 0; }
.findings .warned { color: var(--notice); }
.findings .refused { color: var(--refused); }
.findings small { color: var(--quiet); }
.fault { border-left: 4px solid var(--refused); background: var(--ground); padding: .5rem .9rem; }
.fault h3 { font-size: 1.05rem; font-weight: 600; margin: 0; padding: 0; color: var(--refused); }
.fault p { margin: .25rem 0 0; }
[data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
.stMain hr { margin: .2rem 0; }
</style>"""
)


def strip_html(bank: ReferenceBank) -> str:
    """What every page must say, and which bank is open."""
    return (
        f'<div class="strip" role="note"><b>{in_html(RESEARCH_USE)}</b>'
        f"<span>bank {in_html(bank.name)}, version {bank.version}, {len(bank.cases)} cases"
        f" &middot; encoder {in_html(bank.encoder_card.name)}</span></div>"
    )


def page_icon() -> Image.Image:
    """Two panes side by side. (Streamlit would fetch an icon given by name from the internet.)"""
    icon = Image.new("RGB", (32, 32), "#0E1116")
    draw = ImageDraw.Draw(icon)
    draw.rectangle((3, 7, 14, 25), fill="#56B4E9")
    draw.rectangle((17, 7, 28, 25), outline="#56B4E9", width=2)
    return icon
