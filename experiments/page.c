#include "experiments/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--panel:#f6f8fa;--pos:#7db3e8;"
    "--neg:#f2a979;--link:#0550ae}"
    ".s0{--c:#0066aa}.s1{--c:#c2410c}.s2{--c:#0f7b55}.s3{--c:#9d3a8f}.s4{--c:#8a6a00}.s5{--c:#4d4dcc}.s6{--c:#b0304f}"
    ".s7{--c:#4a6572}"
    "@media screen and (prefers-color-scheme:dark){:root{--bg:#0f1318;--fg:#e6e9ed;--dim:#9aa5b1;--line:#333c47;--panel:#181e25;"
    "--pos:#1f5f9e;--neg:#9a4a17;--link:#79b8ff}"
    ".s0{--c:#56b4e9}.s1{--c:#ff9a5c}.s2{--c:#4fd1a5}.s3{--c:#e28fd3}.s4{--c:#e6c34a}.s5{--c:#a3a3ff}.s6{--c:#ff8fa6}"
    ".s7{--c:#a9c1cf}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:76rem;padding:1rem;background:var(--bg);color:var(--fg);font:1rem/1.5 system-ui,sans-serif;"
    "overflow-wrap:anywhere}"
    "h1{font-size:1.6rem;line-height:1.2}h2{font-size:1.25rem;margin:2.5rem 0 .5rem;border-bottom:1px solid var(--line)}"
    "h3{font-size:1.05rem;margin:1.5rem 0 .5rem}h4{font-size:.95rem;margin:0 0 .25rem}section>h4{margin-top:1rem}"
    "p{max-width:46rem}.dim,figcaption,.tag{color:var(--dim)}a{color:var(--link)}"
    "code,pre{font:.85rem/1.45 ui-monospace,monospace}"
    "pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.6rem;margin:.4rem 0;"
    "white-space:pre-wrap}"
    ".cards,.figures,.columns{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}"
    ".columns{grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr))}"
    ".cards>*,.columns>*,figure{min-width:0;background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.8rem}"
    "figure{margin:0;max-width:38rem}svg{display:block;width:100%;height:auto}"
    "svg text{fill:var(--fg);font:13px system-ui,sans-serif}.grid{stroke:var(--line);stroke-width:1}.zero{stroke:var(--dim)}"
    ".curve{fill:none;stroke:var(--c);stroke-width:2}.dash{stroke-dasharray:5 3}.band{fill:var(--c);fill-opacity:.14}"
    ".dot{fill:var(--c)}.pos{fill:var(--pos)}.neg{fill:var(--neg)}"
    "ul.legend{display:flex;flex-wrap:wrap;gap:.1rem 1rem;list-style:none;margin:.4rem 0;padding:0;font-size:.9rem}"
    "ul.legend svg{display:inline-block;width:1.6rem;height:.6rem;margin-right:.35rem}"
    "figcaption{font-weight:600;color:var(--fg);margin-bottom:.4rem}figure>p{margin:.4rem 0;font-size:.9rem;color:var(--dim)}"
    ".scroll{overflow-x:auto;max-width:100%}"
    "table{border-collapse:collapse;font-size:.9rem;margin:.4rem 0}td,th{border:1px solid var(--line);padding:.2rem .5rem;"
    "text-align:right;vertical-align:top;white-space:nowrap}"
    "th[scope=row],.left td{text-align:left}dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.1rem .8rem;"
    "margin:.4rem 0;font-size:.9rem}dt{color:var(--dim)}dd{margin:0}"
    ".controls{position:sticky;top:0;background:var(--bg);padding:.6rem 0;border-bottom:1px solid var(--line)}"
    ".controls input{width:min(100%,26rem);display:block;min-height:2rem}.controls[hidden]{display:none}"
    ".answer{white-space:pre-wrap;margin:.3rem 0}summary{cursor:pointer;padding:.2rem 0}[hidden]{display:none}"
    /* paper: two figures side by side, nothing behind an edge, rows and boxes whole, headings with what they head */
    "@page{margin:12mm}"
    "@media print{html{font-size:72%}body{max-width:none;padding:0}.controls{display:none}.figures,.cards{grid-template-columns:1fr 1fr}"
    ".columns{grid-template-columns:repeat(3,1fr)}.figures,.cards,.columns{gap:.6rem}figure{max-width:none}"
    "figure,.cards>*,.columns>*,tr,pre{break-inside:avoid}.scroll{overflow:visible}details:not([open]){display:none}"
    "td,th{white-space:normal;overflow-wrap:normal;padding:.1rem .3rem}table{font-size:7.5pt}td br{display:none}"
    "td .dim{margin-left:.4em}dl{grid-template-columns:minmax(0,1fr) minmax(0,3fr)}"
    "h2,h3,h4{break-after:avoid}h2{margin-top:1.2rem}}";

/* Texts of one strength at a time; without a script all of them are shown, each with its strength. */
static const char script[] =
    "for(const box of document.querySelectorAll('.sweep')){"
    "const bar=box.querySelector('.controls'),slider=bar&&bar.querySelector('input'),out=bar&&bar.querySelector('output');"
    "if(!slider)continue;const names=slider.dataset.values.split(' ');"
    "const show=()=>{out.textContent=names[slider.value];slider.setAttribute('aria-valuetext','alpha '+names[slider.value]);"
    "for(const e of box.querySelectorAll('[data-a]'))e.hidden=e.dataset.a!==slider.value};"
    "slider.addEventListener('input',show);bar.hidden=false;show()}";

void page_begin(page *p, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
          "script-src 'unsafe-inline'\">\n<link rel=\"icon\" href=\"data:,\">\n", p->f);
    page_element(p, "title", title);
    fprintf(p->f, "<style>%s</style>\n</head>\n<body>\n<main>\n", style);
    page_element(p, "h1", title);
}

void page_end(page *p)
{
    fprintf(p->f, "</main>\n<script>%s</script>\n</body>\n</html>\n", script);
}

static bool is_control(unsigned char c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
}

void page_bytes(page *p, const char *bytes, size_t n_bytes)
{
    size_t n = 0;
    char *valid = utf8_lossy(bytes, n_bytes, &n);
    p->out_of_memory = p->out_of_memory || !valid;
    for (size_t i = 0; valid && i < n; i++)
        switch (valid[i]) {
        case '&': fputs("&amp;", p->f); break;
        case '<': fputs("&lt;", p->f); break;
        case '>': fputs("&gt;", p->f); break;
        case '"': fputs("&quot;", p->f); break;
        case '\'': fputs("&#39;", p->f); break;
        default:
            if (is_control((unsigned char)valid[i]))
                fputs("\xef\xbf\xbd", p->f);
            else
                fputc(valid[i], p->f);
        }
    free(valid);
}

void page_text(page *p, const char *text)
{
    page_bytes(p, text, strlen(text));
}

void page_element(page *p, const char *tag, const char *text)
{
    fprintf(p->f, "<%s>", tag);
    page_text(p, text);
    fprintf(p->f, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

void page_number(page *p, double x)
{
    if (!isfinite(x))
        fputs("&ndash;", p->f);
    else
        fprintf(p->f, "%.4g", x);
}
