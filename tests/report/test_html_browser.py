"""The page as people get it: in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.support.browser import Visit, start_browser, visit
from tests.support.report import CODE, every_class, hostile, many, scan
from wheelfix.report.model import Report
from wheelfix.report.page import render_report

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "\u202etxt.\x1b[31m${x}"
)
SHOWN = HOSTILE.replace("\u202e", r"\u202e").replace("\x1b", r"\x1b")
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}

Open = Callable[..., Visit]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with start_browser() as started:
        yield started


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a report; at the end, none may have complained, or asked for anything."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def open_one(report: Report, *, dark: bool = False, phone: bool = False) -> Visit:
        contexts.append(
            browser.new_context(
                viewport={"width": 360, "height": 740} if phone else {"width": 1280, "height": 900},
                color_scheme="dark" if dark else "light",
                has_touch=phone,
                is_mobile=phone,
                permissions=["clipboard-read", "clipboard-write"],
            )
        )
        path = tmp_path / "report.html"
        path.write_text(render_report(report), encoding="utf-8")
        visits.append(visit(contexts[-1], path))
        return visits[-1]

    yield open_one
    for seen in visits:
        assert seen.complaints == []
        assert seen.requests == []
    for context in contexts:
        context.close()


def list_rows(page: Page) -> list[str]:
    """Sonames of the rows that can be seen."""
    return page.locator("#rows tr:visible th code").all_inner_texts()


def show_graph(page: Page) -> Locator:
    """Scroll to the graph, and wait until it is drawn."""
    page.locator("#graph").scroll_into_view_if_needed()
    expect(page.locator("#canvas canvas").first).to_be_visible()
    expect(page.locator("#chosen")).not_to_be_empty()
    return page.locator("#chosen")


def test_what_is_to_be_done_comes_first(open_report: Open) -> None:
    page = open_report(every_class()).page
    expect(page).to_have_title("every class – wheelfix report")
    expect(page.locator("#about")).to_contain_text("2 distributions, 3 ELF files, 10 libraries")
    expect(page.locator("#verdict")).to_contain_text("2 libraries have no answer: libwhat.so.3, libGL.so.1.")
    expect(page.locator("#answer-lists li")).to_have_text(["unixodbc", "zlib *", "libcuda.so.1"])
    expect(page.locator("#findings")).to_contain_text("demo/x.so is old (demo)")
    assert list_rows(page)[:2] == ["libwhat.so.3", "libGL.so.1"]
    expect(page.locator("#shown")).to_have_text("6 of 10 libraries; 4 that need nothing not shown")
    page.get_by_role("button", name="Show them").click()
    assert list_rows(page) == ["libwhat.so.3", "libGL.so.1"]


def test_search(open_report: Open) -> None:
    page = open_report(every_class()).page
    page.get_by_role("button", name="Show all").click()
    assert len(list_rows(page)) == 10
    chosen = show_graph(page)
    for text, found in {
        "UNIXODBC": ["libodbc.so.2"],  # the provider
        "libz": ["libz.so.1", "libz.so.1"],
        "libz other": ["libz.so.1"],  # a library and a distribution
        "demo/y.so": ["libz.so.1"],  # a file
        "zlib-ng": ["libz.so.1"],  # another provider
        "nothing has this": [],
    }.items():
        page.get_by_role("searchbox", name="Search").fill(text)
        expect(page.locator("#rows tr:visible")).to_have_count(len(found))
        assert list_rows(page) == found
        expect(page.locator("#shown")).to_have_text(f"{len(found)} of 10 libraries")
        expect(chosen).to_contain_text(
            f"{len(found)} librar" if found else "Nothing to draw: the filter leaves no library."
        )
    page.get_by_role("button", name="Show all").click()
    assert len(list_rows(page)) == 10
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()


def test_search_says_what_the_classes_hide(open_report: Open) -> None:
    page = open_report(every_class()).page
    page.get_by_role("searchbox", name="Search").fill("libc.so.6")
    expect(page.locator("#shown")).to_have_text("0 of 10 libraries; 1 that need nothing not shown")
    page.get_by_role("button", name="Search all classes").click()
    assert list_rows(page) == ["libc.so.6"]
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("libc.so.6")


def test_classes(open_report: Open) -> None:
    page = open_report(every_class()).page
    chosen = show_graph(page)
    expect(chosen).to_have_text("2 distributions, 6 libraries, 6 providers.")
    page.get_by_role("checkbox", name="libc").check()
    assert "libc.so.6" in list_rows(page)
    expect(chosen).to_have_text("2 distributions, 7 libraries, 7 providers.")
    for name in ("unknown", "ambiguous", "driver", "sibling", "libc"):
        page.get_by_role("checkbox", name=name).uncheck()
    assert list_rows(page) == ["libodbc.so.2", "libz.so.1"]
    expect(chosen).to_have_text("1 distribution, 2 libraries, 2 providers.")


def test_files_and_reasons_of_a_library(open_report: Open) -> None:
    page = open_report(every_class()).page
    row = page.locator("#rows tr:not(.more):visible", has_text="libz.so.1")
    button = row.get_by_role("button", name="demo (2 files)")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    more = page.locator("#rows tr.more")
    files = ["demo/x.so", "demo/y.so", "zlib out /lib/libz.so.1", "zlib-ng out /lib/libz.so.1"]
    expect(more.locator("li")).to_have_text(files)
    expect(more).to_contain_text("demo versions: V_1, V_2")
    page.locator("#columns").get_by_role("button", name="Library").click()
    assert row.evaluate("(row) => row.nextElementSibling.className") == "more"
    page.get_by_role("searchbox", name="Search").fill("unixodbc")
    expect(more).to_be_hidden()
    page.get_by_role("searchbox", name="Search").fill("")
    button.click()
    expect(more).to_have_count(0)
    expect(page.locator("#rows tr:visible", has_text="libGL.so.1")).to_contain_text("optional")


def test_order(open_report: Open) -> None:
    page = open_report(every_class()).page
    column = page.locator("#columns").get_by_role("columnheader", name="Library")
    expect(page.get_by_role("columnheader", name="Class")).to_have_attribute("aria-sort", "ascending")
    column.get_by_role("button").click()
    assert list_rows(page) == sorted(list_rows(page), key=str.lower)
    expect(column).to_have_attribute("aria-sort", "ascending")
    rising = list_rows(page)
    column.get_by_role("button").click()
    assert list_rows(page) == rising[::-1]
    expect(column).to_have_attribute("aria-sort", "descending")
    assert page.locator("[aria-sort]").count() == 1


@pytest.mark.parametrize("modern", [True, False], ids=["clipboard", "selection"])
def test_code_is_copied_as_it_is(open_report: Open, modern: bool) -> None:
    page = open_report(every_class()).page
    if not modern:  # as on a page that a server without TLS sent
        page.evaluate(
            "Object.defineProperty(navigator.clipboard, 'writeText', {value: () => Promise.reject()})"
        )
    button = page.locator("#copy-code")
    button.click()
    expect(button).to_have_text("Copied")
    expect(page.locator("#said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == CODE
    page.get_by_role("radio", name="nix-shell").check()
    expect(page.locator("#place")).to_have_text("A shell.nix.")
    expect(page.get_by_role("region", name="Nix code for nix-shell")).to_have_text("{ }")
    expect(button).to_have_text("Copy")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_text("Copied")
    expect(button).to_be_focused()
    assert page.evaluate("navigator.clipboard.readText()") == "{ }\n"


def test_hostile_names_stay_text(open_report: Open) -> None:
    page = open_report(hostile(HOSTILE)).page
    expect(page.locator("#target")).to_have_text(SHOWN)
    assert page.title() == f"{SHOWN} – wheelfix report"
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 8
    show_graph(page)
    for button in page.locator("summary:visible, #rows [aria-expanded]:visible").all():
        button.click()
    text = page.locator("body").inner_text()
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", text)
    for place in ("#rows", "#findings", "#distribution-rows", "#opened-rows", "#verdict"):
        assert SHOWN in page.locator(place).inner_text()
    assert "U+202Etxt.U+001B[31m" in page.locator("#code").inner_text()
    page.locator("#copy-code").click()
    expect(page.locator("#copy-code")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{HOSTILE}\n"
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#chosen")).to_contain_text(SHOWN)


def test_the_policy_is_enforced(browser: Browser, tmp_path: Path) -> None:
    """What a mistake in the scripts could not do, either."""
    path = tmp_path / "report.html"
    path.write_text(render_report(every_class()), encoding="utf-8")
    context = browser.new_context()
    seen = visit(context, path)
    page = seen.page
    for attempt in (
        "document.body.innerHTML = '<b>x</b>'",
        "new Function('return 1')()",
        "fetch('https://example.org/')",
    ):
        # Out of the debugger's hands: what it evaluates itself may do more.
        script = f"""new Promise((done) => setTimeout(async () => {{
            try {{ await ({attempt}); done("allowed"); }} catch {{ done("refused"); }}
        }}))"""
        assert page.evaluate(script) == "refused"
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://example.org/x.png'}))")
    page.evaluate("new Promise((done) => setTimeout(done, 200))")
    assert len([c for c in seen.complaints if "Content Security Policy" in c or "Trusted" in c]) >= 3
    assert {request.failure for request in seen.requests} == {"csp"}
    context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_nobody_is_kept_out(open_report: Open, dark: bool, phone: bool) -> None:
    """axe-core: names, roles, landmarks, order of headings, contrast."""
    page = open_report(every_class(), dark=dark, phone=phone).page
    page.get_by_role("button", name="Show all").click()
    page.locator("#rows [aria-expanded]:visible").first.click()
    show_graph(page)
    found = Axe().run(page)
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found.response["violations"]] == []


_PAINTED = """() => [...document.querySelectorAll("#canvas canvas")].some((layer) => {
    const blank = Object.assign(document.createElement("canvas"), {width: layer.width, height: layer.height});
    return layer.toDataURL() !== blank.toDataURL();
})"""


def test_dark_and_light(open_report: Open) -> None:
    def measure(page: Page) -> tuple[float, str]:
        show_graph(page)
        page.wait_for_function(_PAINTED)
        red, green, blue = map(
            int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3]
        )
        return (red + green + blue) / 3, page.evaluate("view.cy.nodes()[0].style('color')")

    page = open_report(every_class(), dark=True).page
    dark, dark_text = measure(page)
    page.emulate_media(color_scheme="light")
    light, light_text = measure(page)
    assert dark < 60 < 200 < light
    assert dark_text != light_text  # the canvas follows


@pytest.mark.parametrize(
    "report", [every_class(), hostile(HOSTILE), hostile("w" * 300)], ids=["plain", "hostile", "long"]
)
def test_a_phone_scrolls_one_way(open_report: Open, report: Report) -> None:
    page = open_report(report, phone=True).page
    show_graph(page)
    for button in page.locator("summary:visible, #rows [aria-expanded]:visible").all():
        button.click()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    row = page.locator("#rows tr:visible").first
    assert row.get_by_role("cell").first.get_attribute("data-label") == "Class"
    box = row.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]


def test_the_keyboard_is_enough(open_report: Open) -> None:
    page = open_report(every_class()).page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the libraries")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#libraries")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    chosen = show_graph(page)
    canvas = page.get_by_role("application")
    canvas.focus()
    page.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("demo 1.0 wants")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("other 1.0 wants libcublas.so.12")
    page.keyboard.press("ArrowRight")
    expect(chosen).to_contain_text(
        "libcublas.so.12 (sibling) – wanted by other; provided by nvidia-cublas-cu12"
    )
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(chosen).to_have_text("Around libcublas.so.12: 1 distribution, 1 library, 1 provider.")
    page.keyboard.press("Escape")
    expect(chosen).to_have_text("2 distributions, 6 libraries, 6 providers.")
    before = page.evaluate("view.cy.zoom()")
    page.keyboard.press("+")
    assert page.evaluate("view.cy.zoom()") > before
    page.keyboard.press("0")
    assert page.evaluate("view.cy.extent().x1 < view.cy.elements().boundingBox().x1")


def test_from_the_table_to_the_graph_and_back(open_report: Open) -> None:
    page = open_report(every_class()).page
    page.get_by_role("button", name="Show libodbc.so.2 in the graph").click()
    expect(page.locator("#chosen")).to_contain_text(
        "libodbc.so.2 (provided) – wanted by demo; provided by unixodbc"
    )
    expect(page.locator("#graph")).to_be_focused()
    assert page.evaluate("view.cy.nodes().map((node) => node.data('label')).sort()") == [
        "demo",
        "libodbc.so.2",
        "unixodbc",
    ]
    page.get_by_role("button", name="Everything").click()
    assert page.evaluate("view.cy.nodes().length") == 2 + 6 + 6
    page.get_by_role("button", name="4: show the libraries of other").click()
    assert list_rows(page) == ["libcublas.so.12", "libz.so.1", "libpython3.12.so.1.0", "libc.so.6"]


def test_find_in_the_graph(open_report: Open) -> None:
    page = open_report(many(1000, 100)).page
    chosen = show_graph(page)
    find = page.get_by_role("searchbox", name="Find in the graph")
    find.fill("PKG77")
    expect(chosen).to_contain_text("pkg77 1.0 wants")
    box, width, height = page.evaluate(
        "[view.cy.$('.chosen').renderedBoundingBox(), view.cy.width(), view.cy.height()]"
    )
    assert box["x1"] >= 0
    assert box["y1"] >= 0
    assert box["x2"] <= width
    assert box["y2"] <= height
    find.fill("lib0007.so")  # one of a group
    expect(chosen).to_contain_text("125 libraries (unknown): lib0007.so.1, lib0015.so.1")
    find.fill("<b>nothing")
    expect(chosen).to_have_text("Nothing drawn here is called <b>nothing.")
    find.fill("")
    expect(chosen).to_contain_text("100 distributions")


def test_a_click_in_the_graph(open_report: Open) -> None:
    page = open_report(every_class()).page
    chosen = show_graph(page)
    page.locator("#canvas").scroll_into_view_if_needed()
    spot = page.evaluate("view.cy.nodes().filter((node) => node.data('label') === 'zlib').renderedPosition()")
    page.locator("#canvas").click(position=spot)
    expect(chosen).to_contain_text("zlib (provided) supplies libz.so.1.")
    faded = page.evaluate("view.cy.nodes('.faded').map((node) => node.data('label'))")
    assert "libodbc.so.2" in faded
    assert not {"zlib", "libz.so.1", "demo"} & set(faded)


def test_the_wheel_scrolls_the_page(open_report: Open) -> None:
    page = open_report(every_class()).page
    show_graph(page)
    page.locator("#canvas").hover()
    zoom, top = page.evaluate("view.cy.zoom()"), page.evaluate("scrollY")
    page.mouse.wheel(0, -300)
    page.wait_for_function("(top) => scrollY < top", arg=top)
    assert page.evaluate("view.cy.zoom()") == zoom
    page.locator("#canvas").hover()
    page.wait_for_function(
        "() => !view.cy.renderer().scrollingPage"
    )  # cytoscape waits for the page to rest, too
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.wait_for_function("(zoom) => view.cy.zoom() > zoom", arg=zoom)


def test_nothing_to_tell(open_report: Open) -> None:
    page = open_report(Report(target="pure", scans=(scan("pure"),))).page
    expect(page.locator("#verdict")).to_have_text("Nothing here wants a shared library.")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(
        ["Answer", "Libraries", "Distributions"]
    )
    for section in ("#findings", "#nix", "#graph", "#opened"):
        expect(page.locator(section)).to_be_hidden()
    assert Axe().run(page).response["violations"] == []


def test_without_scripts_the_page_says_so(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_report(every_class()), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    expect(visit(context, path).page.locator("main")).to_contain_text(
        "This page shows its data with JavaScript"
    )
    context.close()


def test_a_thousand_libraries(open_report: Open) -> None:
    page = open_report(many(1000, 100)).page
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#rows tr:visible")).to_have_count(1000)
    chosen = show_graph(page)
    expect(chosen).to_contain_text("100 distributions, 1000 libraries")
    expect(chosen).to_contain_text("Double frames are groups")
    assert page.evaluate("view.cy.nodes().length") < 400
    folded = page.evaluate("view.cy.nodes('[?folded]').length")
    page.evaluate("choose(view.columns[LIBRARY].find((node) => node.folded).id)")
    page.get_by_role("button", name=re.compile("^Open 125 libraries")).click()
    assert page.evaluate("view.cy.nodes('[?folded]').length") == folded - 1
    page.get_by_role("searchbox", name="Search").fill("lib0123")
    expect(page.locator("#rows tr:visible")).to_have_count(1)
    expect(chosen).to_contain_text("1 library")
