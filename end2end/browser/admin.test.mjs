// The admin's way from an empty tenant to a published policy, in a real browser. Later tests use what it leaves behind.
import { base, expect, test } from './console.mjs';

const gateway = process.env.WRIT_DEMO_GATEWAY ?? 'http://127.0.0.1:7500';
const incident = process.env.WRIT_DEMO_INCIDENT ?? 'http://127.0.0.1:7701/mcp';
const roles = 'roles:\n  developer: [logs.read, analytics.query]\n  sre: [logs.read, logs.debug.write, incidents.trigger]\n';

test('a malformed role file is refused with its line and nothing is lost @plain', async ({ page, signIn, expectStatus }) => {
  await signIn('ada');
  await page.goto(`${base}/roles/import`);
  const typed = 'roles:\n  developer: [logs.read,\n  sre: oops\n';
  await page.locator('textarea[name="yaml"]').fill(typed);
  expectStatus(422);
  await page.locator('form[action$="/roles/import"] button[type="submit"]').click();
  await expect(page.getByText(/[Ll]ine \d/).first()).toBeVisible();
  await expect(page.locator('textarea[name="yaml"]')).toHaveValue(typed);
});

test('from roles to a published policy', async ({ page, signIn }) => {
  await signIn('ada');

  await page.goto(`${base}/roles/import`);
  await page.locator('textarea[name="yaml"]').fill(roles);
  await page.locator('form[action$="/roles/import"] button[type="submit"]').click();
  await page.locator('form[action$="/roles/import/apply"] button[type="submit"]').click();
  await expect(page.getByRole('link', { name: 'developer' })).toBeVisible();

  for (const [group, role] of [['engineering', 'developer'], ['sre', 'sre']]) {
    await page.goto(`${base}/assignments`);
    const form = page.locator('form[action$="/assignments"]');
    await form.locator('[name="group"]').fill(group);
    await form.locator('[name="role"]').selectOption(role);
    await form.locator('button[type="submit"]').click();
    await expect(page.locator('table').getByText(group).first()).toBeVisible();
  }

  await page.goto(`${base}/servers/new`);
  const form = page.locator('form[action$="/servers"]');
  await form.locator('[name="name"]').fill('incident');
  await form.locator('[name="resource"]').fill(`${gateway}/mcp/incident`);
  await form.locator('[name="upstream"]').fill(incident);
  await form.locator('button[type="submit"]').click();
  await expect(page.getByText('logs.read').first()).toBeVisible();
  const server = page.url();
  for (const tool of ['logs.read', 'incidents.trigger']) {
    await page.goto(`${server.split('?')[0]}/bind?tool=${tool}`);
    await page.locator(`form[action$="/bind"] input[name="scope"][value="${tool}"]`).check();
    await page.locator('form[action$="/bind"] button[type="submit"]').first().click();
    await page.waitForURL(/\/servers\/srv_[^/]*$|\/servers\/srv_[^/]*\?/);
  }

  await page.goto(`${base}/clients/new`);
  const client = page.locator('form[action$="/clients"]');
  await client.locator('[name="name"]').fill('Browser IDE');
  await client.locator('[name="redirect_uris"]').fill('http://127.0.0.1/callback');
  await client.locator('button[type="submit"]').click();
  await expect(page.getByText(/cli_/).first()).toBeVisible();

  await page.goto(`${base}/draft`);
  await page.locator('form[action$="/draft/publish"] [name="note"]').fill('first policy');
  await page.locator('form[action$="/draft/publish"] button[type="submit"]').click();
  await page.waitForURL(/\/(bundles|fleet|draft)/);
  await page.goto(`${base}/bundles`);
  await expect(page.getByText('first policy').first()).toBeVisible();
});
