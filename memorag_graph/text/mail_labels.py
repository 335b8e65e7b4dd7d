"""The labels of an e-mail's headers, and the words by which people of other languages ask for them."""

import re

QUOTED = "Quoted: "
"""What a heading above an earlier message begins with, which an e-mail quotes."""

_ASKED = {
    "From": (
        "from sender sent wrote message mail email von absender geschickt gesendet schickte schrieb de "
        "expéditeur envoyé écrit remitente enviado envió escribió mittente inviato scritto remetente van "
        "afzender verzonden verstuurd от отправитель отправил 发件人 寄件人 差出人"
    ),
    "To": (
        "to recipient whom addressed addressee got received message mail email an empfänger adressiert "
        "ging bekam à destinataire para destinatario destinatário aan ontvanger кому получатель 收件人 宛先"
    ),
    "Cc": ("cc copy got received message mail email kopie copie copia cópia копия 抄送"),
    "Date": (
        "date sent when message mail email datum wann gesendet geschickt date envoyé fecha enviado data "
        "inviato verzonden дата 日期 日付"
    ),
    "Subject": (
        "subject title message mail email betreff objet sujet asunto oggetto assunto onderwerp тема 主题 主旨 件名"
    ),
    "Attachment": (
        "attachment attached anhang anlage angehängt pièce jointe adjunto archivo allegato anexo bijlage "
        "вложение 附件 添付"
    ),
}
_PEOPLE = ("From", "To", "Cc")
_RECIPIENTS = ("To", "Cc")
_ASKS_TO_WHOM = re.compile(
    r"\bto whom\b|\bwhom?\b.*\bto\s*\?|\ban wen\b|\bwem\b|\bà qui\b|\ba quién\b|\ba chi\b|\bpara quem\b|\baan wie\b"
    r"|\bкому\b",
    re.IGNORECASE,
)
_LABELLED = re.compile(rf"(?P<label>{'|'.join(_ASKED)}): \S")


def mail_label_words(line: str) -> str:
    """Return the words by which people ask for what a line such as "From: Ann" tells; empty for other lines."""
    found = _LABELLED.match(line)
    return _ASKED[found["label"]] if found else ""


def tells_who(question: str, line: str) -> bool:
    """Return whether a line may answer a question for a person: it is no header of an e-mail that tells another thing.

    A "Subject" names nobody who sent or got a message, and "From" nobody whom it was sent to.
    """
    found = _LABELLED.match(line)
    if not found:
        return not line.startswith(QUOTED)
    return found["label"] in (_RECIPIENTS if _ASKS_TO_WHOM.search(question) else _PEOPLE)
