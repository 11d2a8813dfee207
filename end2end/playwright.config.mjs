// The browser tests run against a demo that is up; `cargo xtask test --only browser` starts one and sets the variables.
import { defineConfig, devices } from '@playwright/test';

export default defineConfig({
  testDir: './browser',
  outputDir: './test-results',
  // All tests share one running system, and steps of one change what others would see.
  workers: 1,
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  retries: 0,
  timeout: 60_000,
  reporter: [['list']],
  use: {
    baseURL: process.env.WRIT_DEMO_CONSOLE ?? 'http://127.0.0.1:7400',
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.WRIT_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [
    { name: 'desktop', use: { viewport: { width: 1280, height: 900 } } },
    { name: 'phone', grep: /@phone/, use: { ...devices['Pixel 7'], defaultBrowserType: 'chromium' } },
    { name: 'without script', grep: /@plain/, use: { javaScriptEnabled: false } },
  ],
});
