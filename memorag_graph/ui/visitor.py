"""Show who is logged in, and the way out."""

from html import escape

import streamlit as st

from memorag_graph.ui.resources import Resources
from memorag_graph.ui.visitors import sent_secret

_WAY_OUT = ' · <form method="post" action="/logout"><button>Log out</button></form>'
"""A form, as what changes something is no link: pages of other sites could follow it."""


def show(shared: Resources) -> None:
    """Show the visitor's name and, unless a proxy logs visitors in, a button to log out; nothing without a login."""
    if not shared.has_login:
        return
    visitor = shared.visitor
    parts = [visitor.name, visitor.tenant or "operator", *([] if shared.may_write else ["may only ask"])]
    way_out = "" if sent_secret(st.context.headers) else _WAY_OUT
    st.html(f'<div class="visitor">{escape(" · ".join(parts))}{way_out}</div>')
