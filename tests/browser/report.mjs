// Opens a report in a browser and fails if it scrolls sideways, fetches anything or complains.
// node report.mjs FILE.html, with playwright-core installed and CHROMIUM naming the browser.
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const report = pathToFileURL(process.argv[2]).href;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const wrong = [];
for (const width of [360, 768, 1280]) {
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({ viewport: { width, height: 800 }, isMobile: width < 500, colorScheme });
    const page = await context.newPage();
    const say = (what) => wrong.push(`${width} ${colorScheme}: ${what}`);
    page.on('console', (message) => say(message.text()));
    page.on('request', (request) => request.url().split('#')[0] === report || say(`fetches ${request.url()}`));
    await page.goto(report);
    for (const open of [false, true]) {
      const wide = await page.evaluate((open) => {
        document.querySelectorAll('details').forEach((details) => (details.open = open));
        return [document.documentElement.scrollWidth, window.innerWidth];
      }, open);
      if (wide[0] > wide[1]) say(`is ${wide[0]} wide, details ${open ? 'open' : 'closed'}`);
    }
    await context.close();
  }
}
await browser.close();
for (const what of wrong) console.error(what);
process.exitCode = wrong.length ? 1 : 0;
