/** The page before its script runs. What it shows is put in by `page/`, always as text. */
export const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>ims-launch</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<script type="module" src="/app.js"></script>
</head>
<body>
<header>
<h1>ims-launch</h1>
<strong id="verdict" role="status"></strong>
<span id="about"></span>
<button id="language" type="button" lang="zh">中文</button>
</header>
<p id="trouble" role="alert" hidden></p>
<main id="sections"></main>
<noscript>This page needs JavaScript; <a href="/metrics">/metrics</a> and <a href="/api/status">/api/status</a> do not.</noscript>
</body>
</html>
`;
