// The two halves of an island come from two compilers; what joins them is a name made from the source.
import { base, expect, home, test } from './console.mjs';

test('signing in leads home, without an error in the console @plain', async ({ page, signIn }) => {
  await signIn('ada');
  await expect(page).toHaveURL(new RegExp(`${home}$`));
  await expect(page.locator('h1')).toBeVisible();
});

test('every island of the fleet page has its wasm', async ({ page, signIn }) => {
  await signIn('ada');
  await page.goto(`${base}/fleet`);
  await expect(page.locator('leptos-island').first()).toBeAttached();
  await expect(page.locator('html')).toHaveAttribute('data-hydration', 'done');
});
