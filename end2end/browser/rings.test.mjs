// A policy on its way through the rings: the first ring has nobody in it, so a person promotes it; the next one is taken back.
// It leaves one ring behind, as it found it.
import { base, expect, test } from './console.mjs';

async function arrange(page, rings) {
  await page.goto(`${base}/rings`);
  const form = page.locator('form[action$="/rings"]');
  await form.locator('textarea[name="rings"]').fill(rings);
  await form.locator('button[type="submit"]').click();
  await expect(page.getByText('The rings are saved.')).toBeVisible();
}

async function publish(page, scope) {
  await page.goto(`${base}/roles/import`);
  await page.locator('textarea[name="yaml"]').fill(`roles:\n  ring-walker: [${scope}]\n`);
  await page.locator('form[action$="/roles/import"] button[type="submit"]').click();
  await page.locator('form[action$="/roles/import/apply"] button[type="submit"]').click();
  await page.goto(`${base}/draft`);
  await expect(page.getByText('to the ring canary first')).toBeVisible();
  await page.locator('form[action$="/draft/publish"] button[type="submit"]').click();
  await page.waitForURL(/\/bundles\/\d+/);
  await expect(page.getByText('On its way').first()).toBeVisible();
}

test('a policy is promoted through the rings, and another taken back @plain', async ({ page, signIn, expectStatus }, info) => {
  const scope = (n) => `rings.${info.project.name.replaceAll(/[^a-z]/g, '')}${n}`;
  await signIn('ada');
  await page.goto(`${base}/rings`);
  await page.locator('form[action$="/rings"] textarea[name="rings"]').fill('canary');
  expectStatus(422);
  await page.locator('form[action$="/rings"] button[type="submit"]').click();
  await expect(page.getByText('Ring 1 has no colon after the name.').first()).toBeVisible();
  await expect(page.locator('textarea[name="rings"]')).toHaveValue('canary');

  await arrange(page, 'canary: stage=canary');
  await publish(page, scope(1));
  await expect(page.getByText('No gateway runs it yet')).toBeVisible();
  await page.locator('form[action$="/promote"] button[type="submit"]').click();
  await expect(page.getByText('The next ring gets it now.')).toBeVisible();
  const promoted = page.url().split('?')[0];
  await expect(async () => {
    await page.goto(promoted);
    await expect(page.getByText('In every ring').first()).toBeVisible({ timeout: 1000 });
  }).toPass();

  await publish(page, scope(2));
  const form = page.locator('form[action$="/revert"]');
  await form.locator('[name="reason"]').fill('only to see');
  await form.locator('button[type="submit"]').click();
  await expect(page.getByText('Taken back').first()).toBeVisible();
  await expect(page.getByText('only to see')).toBeVisible();
  await page.goto(`${base}/draft`);
  await expect(page.getByText(scope(2)).first()).toBeVisible();
  await arrange(page, '');
});
