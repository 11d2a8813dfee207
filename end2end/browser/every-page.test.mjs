// Every place of the navigation, for everybody who sees it: no error in the console, no sideways scrolling on a phone.
import { base, expect, home, test } from './console.mjs';

const screens = process.env.WRIT_SCREENS;

for (const username of ['ada', 'dev', 'sam', 'olga']) {
  test(`all that ${username} may open`, async ({ page, signIn }) => {
    await signIn(username);
    const paths = await page.locator('nav[aria-label="Main"] a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    expect(paths).toContain(home);
    const more = username === 'ada' ? ['/roles/new', '/roles/import', '/servers/new', '/clients/new', '/agents/new', '/fleet/enrol', '/block', '/take-back'].map((path) => base + path) : [];
    for (const path of [...paths, ...more]) {
      for (const [width, scheme] of [[1280, 'light'], [360, 'dark']]) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme: scheme });
        const response = await page.goto(path);
        expect(response.status(), path).toBe(200);
        await expect(page.locator('h1').first()).toBeVisible();
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(overflow, `${path} at ${width}`).toBeLessThanOrEqual(0);
        // On a phone tables are cards, and nothing in them is cut off at the edge.
        const cut = await page.locator('.card.scroll').evaluateAll((cards) => cards.filter((card) => card.scrollWidth > card.clientWidth).map((card) => card.textContent));
        if (width < 640) expect(cut, `${path} at ${width}`).toEqual([]);
        if (screens) await page.screenshot({ path: `${screens}/${username}${path.replaceAll('/', '-')}-${width}-${scheme}.png`, fullPage: true });
      }
    }
  });
}
