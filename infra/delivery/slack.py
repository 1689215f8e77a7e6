"""Slack's incoming webhooks: the message in Slack's blocks, within Slack's limits."""

from infra.codec import canonical_json
from infra.delivery.message import Message, Section, one_line, web_link
from infra.delivery.outward import post

# Slack refuses a whole message over any of these (its reference of blocks and of composition objects).
MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_TEXT = 3_000
MAX_FIELDS = 10
MAX_FIELD = 2_000

# Ours: a headline is one line and a link of a usual length, so that the sentences find room beside them.
_MAX_HEADLINE = 300
_MAX_LINK = 1_000

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_IN_LINKS = str.maketrans({"|": "%7C", " ": "%20", "<": "%3C", ">": "%3E", "&": "&amp;"})

_Block = dict[str, object]


def payload(message: Message) -> _Block:
    """What is posted: blocks, and the text that stands for them in notifications."""
    headlines = "\n".join(one_line(section.headline) for section in message.sections)
    return {
        "text": _fitted(f"{one_line(message.subject)}\n{headlines}".strip(), MAX_TEXT),
        "blocks": _blocks(message),
        "unfurl_links": False,
    }


def _blocks(message: Message) -> list[_Block]:
    """A header, the sections while they fit, and how many more there are if they don't."""
    blocks: list[_Block] = [{"type": "header", "text": _plain_text(one_line(message.subject))}]
    for shown, section in enumerate(message.sections):
        left = len(message.sections) - shown
        made = _section_blocks(section)
        # The last section needs no room for a word on those after it.
        if len(blocks) + len(made) + (left > 1) > MAX_BLOCKS:
            more = f"… and {left} more alerts." if left > 1 else "… and 1 more alert."
            return [*blocks, {"type": "context", "elements": [_marked(more)]}]
        blocks += made
    return blocks


def _section_blocks(section: Section) -> list[_Block]:
    headline = _fitted(one_line(section.headline), _MAX_HEADLINE)
    link = (web_link(section) or "").translate(_IN_LINKS)
    title = f"*<{link}|{headline}>*" if link and len(link) <= _MAX_LINK else f"*{headline}*"
    sentences = _fitted("\n".join(section.sentences), MAX_TEXT - len(title) - 1)
    fields = [_marked(_field(label, figure)) for label, figure in section.rows]
    first: _Block = {"type": "section", "text": _marked(f"{title}\n{sentences}".rstrip())}
    if fields:
        first["fields"] = fields[:MAX_FIELDS]
    further: list[_Block] = [
        {"type": "section", "fields": fields[start : start + MAX_FIELDS]}
        for start in range(MAX_FIELDS, len(fields), MAX_FIELDS)
    ]
    # So that any one section fits beside the header and the count of those left out.
    return [first, *further][: MAX_BLOCKS - 2]


def _field(label: str, figure: str) -> str:
    name = _fitted(one_line(label), MAX_HEADER)
    return f"*{name}*\n{_fitted(figure, MAX_FIELD - len(name) - 3)}"


def _marked(text: str) -> _Block:
    # verbatim: names in the text that look like addresses, channels or people stay text.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain_text(text: str) -> _Block:
    return {"type": "plain_text", "text": _fitted(text, MAX_HEADER), "emoji": False}


def _fitted(text: str, most: int) -> str:
    """The text escaped for Slack, cut to `most` characters without cutting an escape."""
    escaped = [_ESCAPES.get(letter, letter) for letter in text]
    if sum(map(len, escaped)) <= most:
        return "".join(escaped)
    kept, length = [], 0
    for piece in escaped:
        length += len(piece)
        if length >= most:
            break
        kept.append(piece)
    return "".join(kept) + "…"


async def send(url: str, message: Message, *, allow_private: bool) -> None:
    """Send the message to an incoming webhook of Slack, or of what understands the same.

    Slack can't tell a repeat: a message whose answer got lost may be shown twice.

    Args:
        allow_private: As `post`.

    Raises:
        DeliveryError: If it was not taken.
    """
    body = canonical_json(payload(message)).encode()
    await post(url, body, {"content-type": "application/json; charset=utf-8"}, allow_private=allow_private)
