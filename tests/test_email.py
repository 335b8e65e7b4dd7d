"""E-mails are read as people see them; hostile ones end with a clear error."""

from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from memorag_graph.documents import read_document
from memorag_graph.documents.quoted_mail import mail_parts
from memorag_graph.errors import InputError
from memorag_graph.generation.answer import Citation
from memorag_graph.generation.quoted_text import shown
from memorag_graph.generation.surroundings import Surroundings


def email(subject: str = "Ferry", body: str = "The ferry is late.\nSorry!\n") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Jörg Struan <struan@example.org>"
    message["To"] = "petrie@example.org"
    message["Date"] = "Mon, 03 Mar 2014 09:00:00 +0000"
    message["Subject"] = subject
    message.set_content(body)
    return message


def read(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "a.eml"
    path.write_bytes(data)
    return read_document(path).text


HEAD = "From: Jörg Struan <struan@example.org>\nTo: petrie@example.org\nDate: Mon, 03 Mar 2014 09:00:00 +0000"


@pytest.mark.parametrize("cte", ["7bit", "8bit", "base64", "quoted-printable"])
def test_headers_and_body_are_text(tmp_path: Path, cte: str) -> None:
    message = email()
    message.set_content("Late.\n\n> Why?\n" if cte == "7bit" else "Spät. Où?\n\n> Why?\n", cte=cte)
    body = f"{'Late.' if cte == '7bit' else 'Spät. Où?'}\n\nQuoted: an earlier message\n\nWhy?"
    assert read(tmp_path, bytes(message)) == f"Ferry\n\n{HEAD}\nSubject: Ferry\n\n{body}"


def test_the_subject_begins_a_section(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(bytes(email("Prüfung der Fähre")))
    document = read_document(path)
    assert document.page_map.sections == ((0, "Prüfung der Fähre"),)


def test_of_alternatives_the_plain_text_is_read_and_without_one_the_html(tmp_path: Path) -> None:
    message = email()
    message.add_alternative("<p>The ferry is <b>late</b>.</p>", subtype="html")
    assert read(tmp_path, bytes(message)).endswith("\n\nThe ferry is late.\nSorry!")
    html = email()
    html.set_content("<h1>News</h1><p>The ferry is <b>late</b>.</p>", subtype="html")
    text = read(tmp_path, bytes(html))
    assert "The ferry is late." in text
    assert "<" not in text.replace("<struan@example.org>", "")


STUB = "This message is in HTML. Please use a mail program that shows it."
NEWS = "<h1>News</h1><p>The drag lift opens on <b>6 December</b>.</p><p>The new coach is called Reidun Moe.</p>"


@pytest.mark.parametrize("stub", [STUB, "Siehe HTML", "\n", "View this mail at https://ski.example/n/17"])
def test_a_plain_text_that_lacks_what_the_page_says_is_not_read_for_it(tmp_path: Path, stub: str) -> None:
    message = email(body=f"{stub}\n")
    message.add_alternative(NEWS, subtype="html")
    text = read(tmp_path, bytes(message))
    assert "The drag lift opens on 6 December." in text
    assert text.endswith("The new coach is called Reidun Moe.")
    assert not stub.strip() or stub not in text


def test_two_forms_that_say_different_things_are_both_read(tmp_path: Path) -> None:
    message = email(body="The pier is closed on Sunday since the planks are rotten, and nobody may moor there.\n")
    message.add_alternative("<p>Adults pay 14 crowns.</p>", subtype="html")
    text = read(tmp_path, bytes(message))
    assert text.index("nobody may moor there.") < text.index("Adults pay 14 crowns.")


def test_a_page_within_the_parts_of_an_alternative_is_compared(tmp_path: Path) -> None:
    message = email(body=f"{STUB}\n")
    message.add_alternative(NEWS, subtype="html")
    message.get_payload()[1].add_related(b"x", "image", "png", cid="<a@b>")  # type: ignore[union-attr]
    assert "Reidun Moe" in read(tmp_path, bytes(message))
    broken = email()
    broken.add_alternative(b"<p>\0\1\2</p>", "text", "html")
    assert read(tmp_path, bytes(broken)).endswith("The ferry is late.\nSorry!")


@pytest.mark.parametrize(
    ("plain", "rich", "read"),
    [
        (
            "Please look at the HTML.",
            "<p>The lift opens on <b>6 May</b> at nine.</p>",
            "The lift opens on 6 May at nine.",
        ),
        (
            "The lift opens on 6 May.",
            "<style>p {}</style><p>The lift opens on <b>6 May</b>.</p>",
            "The lift opens on 6 May.",
        ),
    ],
)
def test_plain_text_that_only_names_the_html_is_not_read(tmp_path: Path, plain: str, rich: str, read: str) -> None:
    message = email()
    message.set_content(plain)
    message.add_alternative(rich, subtype="html")
    (tmp_path / "a.eml").write_bytes(bytes(message))
    assert read_document(tmp_path / "a.eml").text.endswith(f"\n\n{read}")


def test_attachments_are_named_and_forwarded_messages_read(tmp_path: Path) -> None:
    message = email()
    message.add_attachment(b"%PDF-1.4 secret", maintype="application", subtype="pdf", filename="Prüfplan.pdf")
    message.add_attachment(email("Older", "It was in time.\n"))
    text = read(tmp_path, bytes(message))
    assert "Attachment: Prüfplan.pdf" in text
    assert "secret" not in text
    assert text.index("Sorry!") < text.index("Older") < text.index("It was in time.")


@pytest.mark.parametrize(
    ("charset", "body"),
    [("iso-8859-1", "Fähre"), ("koi8-r", "Паром"), ("nonsense", "Fähre"), ("a\0b", "Fähre"), ("idna", "Fähre")],
)
def test_charsets(tmp_path: Path, charset: str, body: str) -> None:
    data = body.encode(charset if charset in ("iso-8859-1", "koi8-r") else "utf-8")
    raw = b"From: a@b.c\nSubject: x\nContent-Type: text/plain; charset=" + charset.encode() + b"\n\n" + data
    assert read(tmp_path, raw).endswith(body)


def nested(depth: int) -> bytes:
    inner: MIMEMultipart | MIMEText = MIMEText("deep")
    for _ in range(depth):
        outer = MIMEMultipart()
        outer.attach(MIMEMessage(inner) if depth % 2 else inner)
        inner = outer
    inner["From"] = "a@b.c"
    return bytes(inner)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (nested(40), "too deep"),
        (nested(41), "too deep"),
        (b"From: a@b.c\n" + b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\nhi\n" * 1500, "1,000 parts"),
        (b"Nothing of an e-mail.\n", "is no e-mail despite its name"),
        (b"", "is no e-mail"),
        (b"From: a@b.c\n\n" + b"a" * (65 << 20), "67,108,864 bytes"),
    ],
    ids=["deep", "deep messages", "parts", "text", "empty", "large"],
)
def test_hostile_messages_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, data)


@pytest.mark.parametrize(
    "raw",
    [
        b"From: =?\xfc?q?x?=\n\nbody",
        b"From: =?\x00?q?x?=\n\nbody",
        b"From: a@b.c\nContent-Type: text/plain; charset*=\x00''x\n\nbody",
        b"From: a@b.c\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nbody\n--x\n"
        b"Content-Disposition: attachment; filename*=\x00''x\nContent-Type: image/png\n\na\n--x--",
    ],
)
def test_names_of_encodings_that_are_none(tmp_path: Path, raw: bytes) -> None:
    assert "body" in read(tmp_path, raw)


@pytest.mark.parametrize(
    "header",
    [
        b"=?utf-8?b?" + b"A" * 100_000 + b"?=",
        b"=?x?q?a?= " * 20_000,
        b"(" * 100_000,
        b"<" * 100_000 + b"@",
        b"\xff\xfe",
    ],
)
def test_hostile_headers_are_read_in_time(tmp_path: Path, header: bytes) -> None:
    assert "body" in read(tmp_path, b"From: " + header + b"\nTo: " + header + b"\nSubject: " + header + b"\n\nbody\n")


def test_a_web_archive_is_read_as_its_page(tmp_path: Path) -> None:
    page = MIMEMultipart("related")
    page["From"], page["Subject"] = "<Saved by Blink>", "Fares"
    page.attach(MIMEText("<html><p>Adults pay 14 crowns.</p></html>", "html"))
    page.attach(MIMEText("p {color: red}", "css"))
    (tmp_path / "a.mhtml").write_bytes(bytes(page))
    assert (
        read_document(tmp_path / "a.mhtml").text
        == "Fares\n\nFrom: <Saved by Blink>\nSubject: Fares\n\nAdults pay 14 crowns."
    )


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("Late.\n\nOn Monday Bob wrote:\n> Why?\n> > Who?\n\nSee you.", [
            "Late.", "On Monday Bob wrote", "Why?\nWho?", "See you.",
        ]),
        ("Yes.\n> Late?\nNo.", ["Yes.", "an earlier message", "Late?", "No."]),
        ("Yes.\n\nOn Tue, 4 Jun 2024 at 09:12,\nBob <b@x> wrote:\n\nLate?\n\nBob", [
            "Yes.", "On Tue, 4 Jun 2024 at 09:12, Bob <b@x> wrote", "Late?\n\nBob",
        ]),
        ("Ja.\n\n-----Ursprüngliche Nachricht-----\nVon: Bo\n\nSpät?", [
            "Ja.", "Ursprüngliche Nachricht", "Von: Bo\n\nSpät?",
        ]),
        ("As Bob wrote:\nthe ferry is late.", ["As Bob wrote:\nthe ferry is late."]),
        ("Yes.\n\n-----Original Message-----\nFrom: Bo\nSent: Monday\nSubject: Rent\n\nWhy?", [
            "Yes.", "Bo", "From: Bo\nSent: Monday\nSubject: Rent\n\nWhy?",
        ]),
        ("Oui.\n\nDe : Bo\nEnvoyé : lundi\nÀ : Ann\nObjet : Loyer\n\nPourquoi ?", [
            "Oui.", "Bo", "De : Bo\nEnvoyé : lundi\nÀ : Ann\nObjet : Loyer\n\nPourquoi ?",
        ]),
        ("Trip:\nFrom: Leeds\nTo: York\nDate: 3 May", ["Trip:\nFrom: Leeds\nTo: York\nDate: 3 May"]),
    ],
)  # fmt: skip
def test_what_a_mail_quotes_is_not_its_sender_s(body: str, parts: list[str]) -> None:
    found = [it for author, text in mail_parts(body) for it in (author, text.strip()) if it]
    assert found == parts


GMAIL = (
    '<p>Now 950.</p><div class="gmail_quote"><div class="gmail_attr">On Mon, 3 Feb 2031, Bo wrote:<br></div>'
    "<blockquote>It was <b>900</b>.<blockquote>Or 800?</blockquote></blockquote></div>"
)
THUNDERBIRD = (
    '<p>Now 950.</p><div class="moz-cite-prefix">Am 03.02.2031 schrieb Bo:<br></div><blockquote type="cite">It was 900.'
    "</blockquote><p>Or less.</p>"
)
OUTLOOK = (
    "<p>Now 950.</p><div><p><b>From:</b> Bo Lund<br><b>Sent:</b> Monday<br><b>To:</b> Ann<br><b>Subject:</b> Rent</p>"
    "</div><p>It was 900.</p>"
)


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        (GMAIL, ["Now 950.", "Quoted: On Mon, 3 Feb 2031, Bo wrote", "It was 900.\nOr 800?"]),
        (THUNDERBIRD, ["Now 950.", "Quoted: Am 03.02.2031 schrieb Bo", "It was 900.", "Rent", "Or less."]),
        (
            OUTLOOK,
            ["Now 950.", "Quoted: Bo Lund", "From: Bo Lund\nSent: Monday\nTo: Ann\nSubject: Rent", "It was 900."],
        ),
        ("<h2>News</h2><p>From: Leeds<br>To: York</p>", ["News", "From: Leeds\nTo: York"]),
    ],
)
def test_what_a_mail_of_html_quotes_is_not_its_sender_s(tmp_path: Path, body: str, parts: list[str]) -> None:
    message = MIMEText(body, "html")
    message["From"], message["Subject"] = "Ann", "Rent"
    (tmp_path / "a.eml").write_bytes(bytes(message))
    document = read_document(tmp_path / "a.eml")
    assert document.text.split("\n\n")[2:] == parts
    titles = [title for _, title in document.page_map.sections]
    assert titles[1:] == [it for it in parts if it.startswith("Quoted") or it in ("Rent", "News")]


def test_an_answer_says_that_a_quoted_message_says_it() -> None:
    citation = Citation(1, "a.eml", 0, 11, "It was 900.", section="Quoted: Bo Lund")
    assert shown([citation], {citation: Surroundings()}, "rent") == "(Quoted: Bo Lund) It was 900. [1]"


def test_attached_texts_are_read_and_other_attachments_named_in_a_notice(tmp_path: Path) -> None:
    message = email()
    message.set_content("Late.\n")
    message.add_attachment("Pier C is closed.\n", filename="note.txt")
    message.add_attachment("Ship,Berth\nMerle,27\n", subtype="csv", filename="berths.csv")
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="plan.pdf")
    (tmp_path / "a.eml").write_bytes(bytes(message))
    document = read_document(tmp_path / "a.eml")
    assert document.text.endswith(
        "Attachment: note.txt\n\nPier C is closed.\n\n"
        "Attachment: berths.csv\n\nShip: Merle | Berth: 27\n\nAttachment: plan.pdf"
    )
    assert document.notices == ("The attachment plan.pdf was not read; save it and give it, too.",)
    assert [title for _, title in document.page_map.sections][1:] == [
        *("Attachment: note.txt", "Attachment: berths.csv", "Attachment: plan.pdf"),
    ]
