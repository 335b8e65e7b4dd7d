"""Find the parts of Office Open XML files by their relationships (ECMA-376, part 2, "Relationships")."""

import posixpath
from typing import NamedTuple
from zipfile import ZipFile

from memorag_graph.documents.archive import read_xml

MOST_XML = 64 << 20
"""Maximum bytes of a parsed part; its tree takes up to twenty times as much memory."""

RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
STRICT_RELATION_ID = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


class Relation(NamedTuple):
    """A part that another refers to.

    Attributes:
        id: Id of the reference.
        kind: What it is to the other part: styles, slide, worksheet.
        part: Its name.
    """

    id: str
    kind: str
    part: str


def relations(archive: ZipFile, part: str, name: str) -> list[Relation]:
    """Return the parts of the archive that a part refers to; the root refers to the main part.

    Args:
        archive: The archive.
        part: Name of the part, empty for the root.
        name: Name of the file, for messages.
    """
    base = posixpath.dirname(part)
    described = posixpath.join(base, "_rels", f"{posixpath.basename(part)}.rels")
    if described not in archive.NameToInfo:
        return []
    found = []
    for relation in read_xml(archive, described, name, MOST_XML).iter("{*}Relationship"):
        if relation.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", base, relation.get("Target", ""))).lstrip("/")
            found.append(Relation(relation.get("Id", ""), posixpath.basename(relation.get("Type", "")), target))
    return found


def related_by_kind(archive: ZipFile, part: str, name: str) -> dict[str, str]:
    """Return the names of the parts that a part refers to, one of each kind."""
    return {it.kind: it.part for it in relations(archive, part, name)}


def main_part(archive: ZipFile, name: str, usual: str) -> str:
    """Return the name of the part that holds the document, the workbook or the presentation."""
    return related_by_kind(archive, "", name).get("officeDocument", usual)


def related_by_id(archive: ZipFile, part: str, name: str) -> dict[str, str]:
    """Return the names of the parts that a part refers to, by the ids of the references."""
    return {it.id: it.part for it in relations(archive, part, name)}


def relation_id(element: object) -> str:
    """Return the id of the reference of an element."""
    attributes = getattr(element, "attrib", {})
    return str(attributes.get(RELATION_ID) or attributes.get(STRICT_RELATION_ID) or "")
