// Asking, deciding on a phone, taking back, and the receipt that completes itself. Uses what the admin's test left behind.
import net from 'node:net';
import { base, expect, test } from './console.mjs';

// Has the supervisor stop or start a part of the demo.
const supervise = (line) =>
  new Promise((resolve, reject) => {
    const socket = net.connect(process.env.WRIT_DEMO_CONTROL);
    let said = '';
    socket.on('data', (data) => (said += data));
    socket.on('error', reject);
    socket.on('end', () => (said.startsWith('ok') ? resolve() : reject(new Error(`${line}: ${said}`))));
    socket.write(`${line}\n`);
  });

const becomes = async (page, signIn, username) => {
  await page.context().clearCookies();
  await signIn(username);
};

const asks = async (page, why) => {
  await page.goto(`${base}/home`);
  await page.locator('main').getByRole('link', { name: 'Ask for access' }).click();
  await page.getByRole('link', { name: 'incident' }).click();
  const form = page.locator('form[action$="/requests"]');
  await expect(form.locator('[name="duration_s"] option').last()).toHaveText('1 day');
  await form.locator('input[name="scope"][value="incidents.trigger"]').check();
  await form.locator('[name="duration_s"]').selectOption('3600');
  await form.locator('[name="reason"]').fill(why);
  await form.getByRole('button', { name: 'Send request' }).click();
  await expect(page.getByText('Your request is sent.')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/^You asked to use incidents.trigger/);
  return new URL(page.url()).pathname;
};

const approves = async (page, request, why) => {
  await page.goto(request);
  const approve = page.getByRole('button', { name: 'Approve' });
  // Both ways to decide are on the screen before anything is scrolled.
  for (const button of [approve, page.getByRole('button', { name: 'Deny' })]) await expect(button).toBeInViewport({ ratio: 1 });
  await page.locator('[name="reason"]').fill(why);
  await approve.click();
  await expect(page.getByText('You approved it.')).toBeVisible();
  return page.getByRole('link', { name: /^grt_/ }).getAttribute('href');
};

const revokes = async (page, grant) => {
  await page.goto(`${grant}/revoke`);
  await page.locator('form[action$="/revoke"] [name="reason"]').fill('no longer needed');
  await page.getByRole('button', { name: 'Revoke grant' }).click();
  await page.waitForURL(/\/revocations\/\d+$/);
};

test('asked, approved and taken back: the receipt is there when the page is @plain', async ({ page, signIn }) => {
  await becomes(page, signIn, 'dev');
  const request = await asks(page, 'INC-1: checkout answers 503');
  await becomes(page, signIn, 'sam');
  const grant = await approves(page, request, 'go on');
  await becomes(page, signIn, 'ada');
  await revokes(page, grant);
  await expect(page.getByText('Everywhere.')).toBeVisible();
  await expect(page.getByText(/Dev \(developer\) asked for incidents\.trigger/)).toBeVisible();
});

test('somebody is signed out everywhere from their page, and may sign in again @plain', async ({ page, signIn }) => {
  await becomes(page, signIn, 'dev');
  await becomes(page, signIn, 'ada');
  await page.goto(`${base}/people`);
  await page.getByRole('link', { name: 'Dev (developer)' }).click();
  await page.getByRole('link', { name: 'Sign out everywhere…' }).click();
  await expect(page.getByText('They may sign in again at once')).toBeVisible();
  await page.locator('form[action$="/take-back"] [name="reason"]').fill('laptop stolen');
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await page.waitForURL(/\/revocations\/\d+$/);
  await expect(page.getByText('Everywhere.')).toBeVisible();
  await becomes(page, signIn, 'dev');
});

test('a decision on a phone needs its reason, and a receipt completes itself', async ({ page, signIn }) => {
  await becomes(page, signIn, 'dev');
  const request = await asks(page, 'INC-2: the same once more');
  await becomes(page, signIn, 'sam');
  await page.setViewportSize({ width: 360, height: 640 });
  await page.goto(request);
  // High risk: the browser leads to the reason rather than sending.
  await page.getByRole('button', { name: 'Approve' }).click();
  await expect(page.locator('[name="reason"]')).toBeFocused();
  expect(new URL(page.url()).pathname).toBe(request);
  const grant = await approves(page, request, 'go on');

  await becomes(page, signIn, 'ada');
  await supervise('stop gateway');
  try {
    await revokes(page, grant);
    await expect(page.getByText('Not everywhere yet.')).toBeVisible();
    await expect(page.locator('html')).toHaveAttribute('data-hydration', 'done');
    await expect(page.getByRole('link', { name: 'Look again' })).toBeHidden();
  } finally {
    await supervise('start gateway');
  }
  await expect(page.getByText('Everywhere.')).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole('row', { name: /gw-1/ })).toContainText('Denies');
});

test('what one may not open has a way home', async ({ page, signIn, expectStatus }) => {
  await becomes(page, signIn, 'dev');
  expectStatus(403);
  await page.goto(`${base}/roles`);
  await page.locator('main').getByRole('link', { name: 'Home' }).click();
  await expect(page).toHaveURL(new RegExp(`${base}/home$`));
  expectStatus(404);
  await page.goto(`${base}/nowhere`);
  await page.getByRole('link', { name: 'Writ' }).click();
  await expect(page).toHaveURL(new RegExp(`${base}/home$`));
});
