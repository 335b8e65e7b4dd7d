"""The names of the libraries of a visitor, also while they cannot be listed."""

import streamlit as st

from memorag_graph.errors import UnavailableError
from memorag_graph.serving.told_errors import told_to_client
from memorag_graph.ui import address
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.resources import Resources


def library_names(shared: Resources) -> list[str]:
    """Return the names of the libraries.

    While the store where they lie does not answer, tell that, and return the one that the address names alone:
    memories can be chosen and asked meanwhile.
    """
    try:
        return shared.libraries.names()
    except UnavailableError as error:
        st.error(escaped(told_to_client(error)))
        return [address.library()] if address.library() else []
