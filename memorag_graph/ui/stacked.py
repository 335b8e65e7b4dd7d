"""Show parts of a page below each other, each in a place of its own."""

from collections.abc import Callable

import streamlit as st


def stacked(*parts: Callable[[], None]) -> None:
    """Show parts in order.

    A part may come and go, such as a bar while something is made. The others keep their places, by which the browser
    knows them: what is open in one of them stays open, and a click reaches it. An empty place takes no room.
    """
    for part in parts:
        with st.container():
            part()
