// What every browser test starts from: a page on which any error in the browser's console fails the test, and the people
// of the demo.
import { test as plain, expect } from '@playwright/test';

export const tenant = process.env.WRIT_DEMO_TENANT ?? 'acme';
export const base = `/t/${tenant}`;
export const home = `${base}/home`;

export const test = plain.extend({
  page: async ({ page }, use) => {
    const errors = [];
    page.expected = [];
    page.on('pageerror', (error) => errors.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      // Chromium reports every answer of 400 and above; a test says so when that is what it wants.
      if (page.expected.some((status) => message.text().includes(`status of ${status}`))) return;
      if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`);
    });
    await use(page);
    expect(errors, 'errors in the browser console').toEqual([]);
  },

  // Announces that an answer with this status is what the test wants.
  expectStatus: async ({ page }, use) => {
    await use((status) => page.expected.push(status));
  },

  // Signs in as one of the demo's people and returns on the tenant's home page.
  signIn: async ({ page }, use) => {
    await use(async (username) => {
      await page.goto(home);
      await page.getByRole('link', { name: /^Continue with/ }).click();
      await page.waitForURL(`${idp}/**`);
      // One click: the demo's provider has no passwords.
      await page.locator(`button[name="username"][value="${username}"]`).click();
      await page.waitForURL(`**${home}`);
    });
  },
});

export const idp = process.env.WRIT_DEMO_IDP ?? 'http://127.0.0.1:7600';
export { expect };
