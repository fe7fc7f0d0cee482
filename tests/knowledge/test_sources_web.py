"""Web pages are asked politely, within bounds, and only where that is allowed."""

import gzip
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fourways.config.tree import WebSource
from fourways.core.errors import InvalidProject, RefusedAddress, Unavailable, UnreadableDocument
from fourways.knowledge.sources import open_source
from fourways.knowledge.sources.base import Item
from fourways.knowledge.sources.fetch import Fetcher, is_public
from fourways.knowledge.sources.web import Web

PAGES = {
    "/a.html": "<h1>A</h1>",
    "/b.html": "<h1>B</h1>",
    "/secret/c.html": "<h1>C</h1>",
}
MOVED = {"/circle": "/circle", "/moved": "/a.html", "/inward": "http://intranet.example/"}


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Site:
    """A site on the loopback that remembers what it was asked."""

    def __init__(self) -> None:
        self.robots = "User-agent: *\nDisallow: /secret/\nCrawl-delay: 3\n"
        self.robots_status = 200
        self.asked: list[str] = []
        self.agents: set[str] = set()
        app = web.Application()
        app.router.add_get("/{path:.*}", self.answer)
        self.server = TestServer(app)

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.agents.add(request.headers["User-Agent"])
        if request.path == "/robots.txt":
            return web.Response(text=self.robots, status=self.robots_status)
        if request.path not in PAGES:
            return self.oddity(request.path)
        if request.headers.get("If-None-Match") == '"v1"':
            return web.Response(status=304)
        return web.Response(text=PAGES[request.path], content_type="text/html", headers={"ETag": '"v1"'})

    def oddity(self, path: str) -> web.Response:
        if path in MOVED:
            raise web.HTTPFound(MOVED[path])
        if path == "/index.xml":
            nested = f"<sitemap><loc>{self.url('/pages.xml.gz')}</loc></sitemap>"
            return web.Response(text=f"<sitemapindex>{nested}</sitemapindex>")
        if path == "/big":
            return web.Response(body=gzip.compress(b"x" * 30_000_000), headers={"Content-Encoding": "gzip"})
        if path == "/image":
            return web.Response(body=b"\x89PNG", content_type="image/png")
        if path == "/broken":
            return web.Response(status=500)
        if path == "/pages.xml.gz":
            listed = "".join(f"<url><loc>{self.url(page)}</loc></url>" for page in ("/a.html", "/b.html#top"))
            return web.Response(body=gzip.compress(f"<urlset>{listed}</urlset>".encode()))
        if path == "/entities.xml":
            return web.Response(text='<!DOCTYPE x [<!ENTITY a "a">]><urlset><url><loc>&a;</loc></url></urlset>')
        return web.Response(status=404)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.server.start_server()
    yield site
    await site.server.close()


def pages(site: Site, *paths: str, known: dict[str, str] | None = None, **settings: Any) -> Web:
    given: dict[str, Any] = {"urls": [site.url(path) for path in paths], "allow_private": True, "delay": 0, **settings}
    time = Time()
    return Web(WebSource(type="web", **given), Path(), known, clock=time, sleep=time.sleep)


async def listed(source: Web) -> list[Item]:
    return [item async for item in source.list()]


async def test_pages_are_listed_with_their_etag_and_read_without_asking_again(site: Site) -> None:
    source = pages(site, "/a.html", acl=["staff"], metadata={"team": "it"})
    (item,) = await listed(source)
    assert (item.uri, item.token, item.media_type) == (site.url("/a.html"), 'etag:"v1"', "text/html")
    assert (item.acl, item.metadata) == (frozenset({"staff"}), {"team": "it"})
    assert await source.read(item) == b"<h1>A</h1>"
    assert site.asked == ["/robots.txt", "/a.html"]
    assert await source.read(item) == b"<h1>A</h1>"  # asked again only now
    assert all(agent.startswith("fourways/") for agent in site.agents)


async def test_an_unchanged_page_keeps_its_token_and_can_still_be_read(site: Site) -> None:
    source = pages(site, "/a.html", known={site.url("/a.html"): 'etag:"v1"'})
    (item,) = await listed(source)
    assert item.token == 'etag:"v1"'
    assert await source.read(item) == b"<h1>A</h1>"


async def test_a_sitemap_of_sitemaps_is_followed(site: Site) -> None:
    source = pages(site, sitemap=site.url("/index.xml"))
    assert [item.uri for item in await listed(source)] == [site.url("/a.html"), site.url("/b.html")]


@pytest.mark.parametrize("path", ["/broken", "/entities.xml", "/secret/map.xml", "/none.xml"])
async def test_a_sitemap_that_cannot_be_read_stops_the_listing(site: Site, path: str) -> None:
    with pytest.raises(Unavailable, match="nothing can be taken for deleted"):
        await listed(pages(site, sitemap=site.url(path)))


async def test_a_page_that_is_not_there_is_gone(site: Site) -> None:
    assert await listed(pages(site, "/none.html")) == []


@pytest.mark.parametrize(
    ("path", "kind", "reason"),
    [
        ("/secret/c.html", RefusedAddress, "robots.txt"),
        ("/broken", UnreadableDocument, "answers 500"),
        ("/circle", UnreadableDocument, "redirected more than 5 times"),
        ("/image", UnreadableDocument, "image/png"),
        ("/big", UnreadableDocument, "more than 20 MB"),
    ],
)
async def test_a_page_that_fails_is_listed_and_says_why_when_read(
    site: Site, path: str, kind: type[Exception], reason: str
) -> None:
    source = pages(site, path)
    (item,) = await listed(source)
    assert item.token == ""
    with pytest.raises(kind, match=reason):
        await source.read(item)


async def test_a_redirect_is_followed_and_the_link_is_where_it_leads(site: Site) -> None:
    (item,) = await listed(pages(site, "/moved"))
    assert (item.uri, item.link) == (site.url("/moved"), site.url("/a.html"))


async def test_pages_of_one_host_wait_as_long_as_robots_txt_asks(site: Site) -> None:
    time = Time()
    spec = WebSource(
        type="web", urls=[site.url("/a.html"), site.url("/b.html")], allow_private=True, delay=timedelta(seconds=1)
    )
    await listed(Web(spec, Path(), clock=time, sleep=time.sleep))
    assert time.slept == [3.0]


async def test_unreadable_robots_txt_allows_nothing_and_a_missing_one_everything(site: Site) -> None:
    site.robots_status = 503
    source = pages(site, "/a.html")
    (item,) = await listed(source)
    with pytest.raises(UnreadableDocument, match="left alone"):
        await source.read(item)
    site.robots_status = 404
    (item,) = await listed(pages(site, "/secret/c.html"))
    assert item.token


async def test_a_name_that_stands_for_a_private_address_is_refused(site: Site) -> None:
    async def resolve(host: str) -> Sequence[str]:
        return ["10.0.0.7"]

    source = Web(WebSource(type="web", urls=["http://intranet.example/"]), Path(), resolve=resolve)
    (item,) = await listed(source)
    with pytest.raises(RefusedAddress, match=r"'intranet.example' stands for 10.0.0.7.*allow_private: true"):
        await source.read(item)


async def test_each_redirect_is_checked_again(site: Site) -> None:
    port = site.server.port
    asked: list[str] = []

    async def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        if host == "intranet.example":
            raise AssertionError("a redirect was followed before it was checked")
        return ["127.0.0.1"]

    async def refuse(url: str) -> None:
        if "intranet" in url:
            raise RefusedAddress("no")

    async with Fetcher(allow_private=True, resolve=resolve) as fetcher:
        with pytest.raises(RefusedAddress, match="no"):
            await fetcher.fetch(f"http://public.example:{port}/inward", before=refuse)
    assert asked == ["public.example"]


async def test_the_address_that_was_checked_is_the_one_connected_to(site: Site) -> None:
    async def resolve(host: str) -> Sequence[str]:
        return ["127.0.0.1"]

    async with Fetcher(allow_private=True, resolve=resolve) as fetcher:
        answer = await fetcher.fetch(f"http://wherever.invalid:{site.server.port}/a.html")
    assert answer.body == b"<h1>A</h1>"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://192.168.1.1/",
        "http://0.0.0.0/",
        "http://127.1/",
        "http://2130706433/",
        "http://localhost/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http:///x",
        "http://user:pass@example.com/",
        "http://example.com:99999/",
    ],
)
async def test_addresses_that_are_not_public_web_pages_are_refused(url: str) -> None:
    async with Fetcher() as fetcher:
        with pytest.raises(RefusedAddress):
            await fetcher.fetch(url)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("100.64.0.1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("224.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
    ],
)
def test_public_addresses_are_told_from_others(address: str, *, public: bool) -> None:
    assert is_public(address) is public


def test_network_none_refuses_web_sources() -> None:
    spec = WebSource(type="web", urls=["https://example.com/"])
    with pytest.raises(RefusedAddress, match="network: none"):
        open_source(spec, Path(), network="none")


def test_a_web_source_needs_something_to_read() -> None:
    with pytest.raises(InvalidProject, match="`urls:` or `sitemap:`"):
        open_source(WebSource(type="web"), Path())
