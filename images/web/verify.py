"""A page is served, fetched by either client, and read by either parser."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import requests
from bs4 import BeautifulSoup
from lxml import html

PAGE = "<html><body><table><tr><td>Oslo<td>40<tr><td>Rome<td>60</table></body></html>"


class Handler(BaseHTTPRequestHandler):
    """One page, whatever is asked for."""

    def do_GET(self) -> None:
        data = PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


async def fetched(address: str) -> str:
    """The page by httpx, asynchronously."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(address)).text


with HTTPServer(("127.0.0.1", 0), Handler) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    where = f"http://127.0.0.1:{server.server_port}/sales"
    session = requests.Session()
    session.trust_env = False
    first, second = session.get(where, timeout=10).text, asyncio.run(fetched(where))
    server.shutdown()

assert first == second == PAGE
soup = BeautifulSoup(first, "lxml")
assert [cell.text for cell in soup.find_all("td")] == ["Oslo", "40", "Rome", "60"]
assert sum(map(int, html.fromstring(second).xpath("//td[2]/text()"))) == 100
