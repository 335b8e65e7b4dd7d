"""The page to log in to the demo."""

from html import escape

from starlette.responses import HTMLResponse

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_STYLE = """
:root { color-scheme: light dark; --accent: #1d5577; --on-accent: #fff; --fault: #a01c1c; }
@media (prefers-color-scheme: dark) { :root { --accent: #61a5c2; --on-accent: #181715; --fault: #ff9d9d; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; line-height: 1.5;
  font-family: "Source Sans", system-ui, sans-serif; background: light-dark(#fff, #181715);
  color: light-dark(#31333f, #fafafa); }
main { width: min(26rem, 100%); }
h1 { font-size: 1.6rem; margin: 0 0 0.5rem; }
label { display: block; margin: 1.25rem 0 0.35rem; font-weight: 600; }
input, button { width: 100%; font: inherit; padding: 0.6rem 0.75rem; border-radius: 0.5rem; }
input { border: 1px solid light-dark(#8a8a88, #85837c); background: light-dark(#f3f3f2, #2b2a27); color: inherit; }
input:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button { margin-top: 1rem; border: 0; background: var(--accent); color: var(--on-accent); font-weight: 600;
  cursor: pointer; }
[role="alert"] { margin: 1rem 0 0; padding: 0.6rem 0.75rem; border-left: 4px solid var(--fault);
  color: var(--fault); }
small { display: block; margin-top: 1.25rem; opacity: 0.85; font-size: 0.9rem; }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in · memorag_graph</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>memorag_graph</h1>
<p>Ask questions about long documents. Every answer cites the passages that support it.</p>
<form method="post">
<label for="key">Your key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus{described}>
{fault}
<button type="submit">Log in</button>
</form>
<small>Whoever runs this demo hands out keys. What you upload is seen by keys of the same tenant alone, and what you
ask by yours alone.</small>
</main>
</body>
</html>
"""


def login_page(fault: str = "", status: int = 200) -> HTMLResponse:
    """Return the page.

    Args:
        fault: Why the visitor was not let in, if so.
        status: Status of the response.
    """
    told = f'<p role="alert" id="fault">{escape(fault)}</p>' if fault else ""
    described = ' aria-invalid="true" aria-describedby="fault"' if fault else ""
    return HTMLResponse(_PAGE.format(style=_STYLE, fault=told, described=described), status, headers=_HEADERS)
