"""The labels of an e-mail's headers, and the words by which people of other languages ask for them."""

import re

QUOTED = "Quoted: "
"""What a heading above an earlier message begins with, which an e-mail quotes."""

_ASKED = {
    "From": (
        "from sender sent wrote mail email von absender geschickt gesendet schickte schrieb de expéditeur envoyé écrit "
        "remitente enviado envió escribió mittente inviato scritto remetente van afzender verzonden verstuurd от "
        "отправитель отправил 发件人 寄件人 差出人"
    ),
    "To": (
        "to recipient whom mail email an empfänger ging à destinataire para destinatario destinatário aan "
        "ontvanger кому получатель 收件人 宛先"
    ),
    "Cc": "cc copy kopie copie copia cópia копия 抄送",
    "Date": (
        "date sent when mail email datum wann gesendet geschickt date envoyé fecha enviado data inviato verzonden дата "
        "日期 日付"
    ),
    "Subject": "subject title betreff objet sujet asunto oggetto assunto onderwerp тема 主题 主旨 件名",
    "Attachment": (
        "attachment attached anhang anlage angehängt pièce jointe adjunto archivo allegato anexo bijlage вложение 附件 "
        "添付"
    ),
}
_LABELLED = re.compile(rf"(?P<label>{'|'.join(_ASKED)}): \S")


def mail_label_words(line: str) -> str:
    """Return the words by which people ask for what a line such as "From: Ann" tells; empty for other lines."""
    found = _LABELLED.match(line)
    return _ASKED[found["label"]] if found else ""
