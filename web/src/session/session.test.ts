import { expect, test } from 'vitest';
import { describeBrowser } from './browser';
import { nextOf } from './SignInPage';
import { allows } from './session';

test.each([
  [['viewer'], 'viewer', true],
  [['viewer'], 'operator', false],
  [['viewer'], 'admin', false],
  [['operator'], 'viewer', true],
  [['operator'], 'operator', true],
  [['operator'], 'admin', false],
  [['check_author'], 'viewer', true],
  [['check_author'], 'operator', false],
  [['service_desk', 'operator'], 'operator', true],
  [['admin'], 'operator', true],
  [['admin'], 'check_author', true],
  [[], 'viewer', false],
  [undefined, 'viewer', false],
])('%s may do what asks for %s: %s', (have, wanted, may) => expect(allows(have, wanted)).toBe(may));

test.each([
  ['next=%2Fhosts%3Fsearch%3Dweb', '/hosts?search=web'],
  ['', '/'],
  ['next=', '/'],
  ['next=https%3A%2F%2Fevil.example', '/'],
  ['next=%2F%2Fevil.example', '/'],
  ['next=%2F%5Cevil.example', '/'],
  ['next=javascript%3Aalert(1)', '/'],
  ['next=hosts', '/'],
])('after signing in with ?%s one is at %s', (search, want) => expect(nextOf(search)).toBe(want));

test.each([
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox 140 on Linux'],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0',
    'Edge 141 on Windows',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
    'Safari 18 on macOS',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
    'Safari 18 on iOS',
  ],
  [
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36',
    'Chrome 141 on Android',
  ],
  ['picket/0.3.0', 'the command picket 0.3.0'],
  ['curl/8.14.1', 'curl/8.14.1'],
  ['', 'unknown'],
])('%s is %s', (userAgent, want) => expect(describeBrowser(userAgent)).toBe(want));
