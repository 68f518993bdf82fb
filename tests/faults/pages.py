"""T42: pages that nest, misnest or never end, by the MiB. Each is read or refused by name in five seconds."""

from bombs import survey
from reading import MIB
from store import Outcome


def filled(*words, tail="words"):
    """One MiB of the words over and over."""
    once = "".join(words)
    return lambda: (once * (MIB // len(once)) + tail).encode()


PAGES = {
    "div": filled("<div>"), "list": filled("<ul><li>"), "table": filled("<table><tr><td>"), "table alone": filled("<table>"),
    "b": filled("<b>"), "svg": filled("<svg>"), "svg and back": filled("<svg><foreignObject>"), "template": filled("<template>"),
    "math": filled("<math><mtext>"), "span": filled("<span>"), "font": filled("<font size=1>"), "anchor": filled("<a href=x>"),
    "select": filled("<select><option>"), "button": filled("<button>"), "form": filled("<form>"), "object": filled("<object>"),
    "ruby": filled("<ruby><rt>"), "frameset": filled("<frameset>"), "noscript": filled("<noscript>"), "heading": filled("<h1>"),
    "quote": filled("<blockquote>"), "p in b": filled("<b><p>"), "i in a": filled("<a><i>"), "end tags": filled("</p>"),
    "br": filled("</br>"),
    "misnested": lambda: ("<a>" * 50_000 + "<i>" * 50_000 + "</a>" * 50_000).encode(),
    "formatting by attribute": lambda: "".join(f"<b id={n}>" for n in range(60_000)).encode() + b"<p>words",
    "closed again": filled("<b><i></b></i>"), "tables in formatting": filled("<b><table>"),
    "attributes": lambda: ("<p " + " ".join(f"a{n}=1" for n in range(100_000)) + ">words").encode(),
    "one attribute 100,000 times": lambda: ("<p " + "a=1 " * 100_000 + ">words").encode(),
    "an attribute of a MiB": lambda: ("<p title='" + "a" * MIB + "'>words").encode(),
    "open comment": filled("a <b> ", tail=""), "open script": lambda: ("<p>words<script>" + "</scrip" * 150_000).encode(),
    "open comment of dashes": lambda: ("<p>words<!--" + "--!" * 350_000).encode(),
    "open style": lambda: ("<p>words<style>" + "a" * MIB).encode(),
    "open textarea": lambda: ("<p>words<textarea>" + "<" * MIB).encode(), "open title": lambda: ("<title>" + "<" * MIB).encode(),
    "open tag": lambda: ("<p>words<p " + "<" * MIB).encode(),
    "open CDATA": lambda: ("<svg><![CDATA[" + "]]" * (MIB // 2)).encode(),
    "entities": lambda: ("<p>words " + "&amp;" * 1_000_000).encode(),
    "long entities": lambda: ("<p>words " + "&CounterClockwiseContourIntegral;" * 200_000).encode(),
    "open entities": lambda: ("<p>words " + "&" * MIB).encode(), "digits": lambda: ("<p>words &#" + "9" * MIB).encode(),
    "doctype": lambda: ("<!DOCTYPE " + "html PUBLIC \"" * 80_000).encode(), "NUL": lambda: b"<p>words" + b"&#0;" * 250_000,
    "cells": lambda: ("<table>" + "<tr>" + "<td>w" * 300_000).encode(),
    "colspan": lambda: b"<table><tr><td colspan=1000000000 rowspan=1000000000>words</table>",
    "hidden": filled("<div hidden>"), "display": filled("<div style='display:none'>"),
    "links": lambda: ("<p>words" + "<a href='x'>y</a>" * 60_000).encode(),
    "base": filled("<base href='x'>"), "declarations": lambda: b"<meta charset=utf-7>" * 50_000 + b"<p>words",
    "50 MiB of words": lambda: b"<p>words in a paragraph</p>\n" * (2 * MIB),
}
# Smaller than they become: no look at their bytes tells, so that the limits of the process stop them.
GROWING_PAGES = {
    "formatting reopened": lambda: ("<p>" + "".join(f"<b id={n}>" for n in range(400)) + "<p>w" * 20_000).encode(),
    "formatting reopened in cells": lambda: ("<table><td>" + "".join(f"<i id={n}>" for n in range(200)) + "<p>w" * 10_000).encode(),
    "just not too deep": lambda: (("<div>" * 500 + "w" + "</div>" * 500) * 190).encode(),
    "wide and deep": lambda: ("<div>" * 500 + "<p>w" * 100_000).encode(),
    "formatting just not too deep": lambda: (("<b><i>" * 200 + "w" + "</i></b>" * 200) * 350).encode(),
}


def t42(lab):
    """pages that nest, misnest or never end"""
    outcome = Outcome()
    sound = [("sound", "html", lambda: b"<!DOCTYPE html><title>T</title><article><h1>T</h1><p>Sound words stand here.</p></article>")]
    survey(lab, sound, outcome, 5, 256, must_read=True)
    survey(lab, [(name, "html", make) for name, make in PAGES.items()], outcome, 5, 256)
    survey(lab, [(name, "html", make) for name, make in GROWING_PAGES.items()], outcome, 5, 512)
    return outcome
