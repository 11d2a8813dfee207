// What every browser test starts from: a page on which any error in the browser's console fails the test, and the people
// of the demo.
import { test as base, expect } from '@playwright/test';

export const tenant = process.env.WRIT_DEMO_TENANT ?? 'acme';
export const home = `/t/${tenant}/home`;

export const test = base.extend({
  page: async ({ page }, use) => {
    const errors = [];
    page.on('pageerror', (error) => errors.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`);
    });
    await use(page);
    expect(errors, 'errors in the browser console').toEqual([]);
  },

  // Signs in as one of the demo's people and returns on the tenant's home page.
  signIn: async ({ page }, use) => {
    await use(async (username) => {
      await page.goto(home);
      await page.waitForURL(`${idp}/**`);
      await page.locator(`button[value="${username}"]`).click();
      await page.waitForURL(`**${home}`);
    });
  },
});

export const idp = process.env.WRIT_DEMO_IDP ?? 'http://127.0.0.1:7600';
export { expect };
