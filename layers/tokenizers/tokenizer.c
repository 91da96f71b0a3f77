/* layers/tokenizers/tokenizer.c: text to ids and back.
 *
 *     text -> added tokens found -> the rest normalized -> cut into words -> each word encoded by the model -> ids
 *
 * Every byte on its way keeps its place in the caller's text, which is how each id knows where it begins. */
#include "layers/tokenizers/tokenizer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const evk_tokenizer_kind *const kinds[] = { &evk_byte_bpe, &evk_spm_bpe, &evk_unigram, &evk_wordpiece };

const evk_tokenizer_kind *evk_tokenizer_kind_find(const char *model, bool gguf)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *name = gguf ? kinds[i]->gguf_model : kinds[i]->json_model;
        if (name && strcmp(name, model) == 0)
            return kinds[i];
    }
    return NULL;
}

/* ---- open ---- */

static bool is_gguf(const char *path)
{
    char magic[4] = "";
    FILE *f = fopen(path, "rb");
    const bool yes = f && fread(magic, 1, sizeof magic, f) == sizeof magic && memcmp(magic, "GGUF", 4) == 0;
    if (f)
        fclose(f);
    return yes;
}

static evoke_status open_gguf(const char *path, evoke_tokenizer **out, evoke_error *err)
{
    evoke_weights *w = NULL;
    EVK_TRY(evoke_weights_open(path, &w, err));
    const evoke_status st = evk_tokenizer_from_gguf(w, out, err);
    evoke_weights_free(w);
    return st;
}

/* "a/b/tokenizer.json" is in the folder "a/b". */
static evoke_status open_json_file(const char *path, evoke_tokenizer **out, evoke_error *err)
{
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) + (slash == path) : 1;
    char *folder = NULL;
    EVK_TRY(evk_alloc(&folder, n + 1, 1, "open tokenizer", err));
    memcpy(folder, slash ? path : ".", n);
    const evoke_status st = evk_tokenizer_from_folder(folder, path, out, err);
    free(folder);
    return st;
}

evoke_status evoke_tokenizer_open(const char *path, evoke_tokenizer **out, evoke_error *err)
{
    *out = NULL;
    struct stat about;
    if (stat(path, &about) != 0)
        return evk_fail(err, EVOKE_EIO, "open tokenizer: %s (%s)", strerror(errno), path);
    if (S_ISDIR(about.st_mode))
        return evk_tokenizer_from_folder(path, NULL, out, err);
    return is_gguf(path) ? open_gguf(path, out, err) : open_json_file(path, out, err);
}

void evoke_tokenizer_free(evoke_tokenizer *t)
{
    if (!t)
        return;
    if (t->kind)
        t->kind->close(t);
    evk_vocabulary_free(&t->vocabulary);
    evk_added_tokens_free(&t->added);
    evk_added_tokens_free(&t->added_normalized);
    evk_normalizer_free(&t->normalizer);
    evk_pretokenizer_free(&t->pretokenizer);
    evk_decoder_free(&t->decoder);
    free(t->respelled);
    evk_frame_free(&t->single);
    evk_frame_free(&t->pair);
    free(t->is_end);
    free(t->template_text);
    free(t);
}

evoke_status evk_affix_add(evk_affix *a, int32_t id, evoke_error *err)
{
    if (a->n == sizeof a->ids / sizeof *a->ids)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: more than %zu tokens added to a text", a->n);
    a->ids[a->n++] = id;
    return EVOKE_OK;
}

static int32_t find_added(const evk_added_tokens *a, const char *text, size_t n)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->token[i].n == n && memcmp(a->token[i].text, text, n) == 0)
            return a->token[i].id;
    return -1;
}

int32_t evk_tokenizer_find(const evoke_tokenizer *t, const char *text)
{
    const size_t n = strlen(text);
    int32_t id = find_added(&t->added, text, n);
    if (id < 0)
        id = find_added(&t->added_normalized, text, n);
    return id < 0 ? evk_vocabulary_find(&t->vocabulary, text, n) : id;
}

evoke_status evk_tokenizer_mark_ends(evoke_tokenizer *t, evoke_error *err)
{
    static const char *const known[] = { "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>",
                                         "<|end|>", "<end_of_turn>", "</s>" };
    if (!t->is_end)
        EVK_TRY(evk_alloc(&t->is_end, t->vocabulary.n, sizeof *t->is_end, "open tokenizer", err));
    if (t->eos >= 0)
        t->is_end[t->eos] = true;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const int32_t id = evk_tokenizer_find(t, known[i]);
        if (id >= 0 && t->vocabulary.kind[id] == EVK_TOKEN_CONTROL)
            t->is_end[id] = true;
    }
    return EVOKE_OK;
}

/* ---- what it says of itself ---- */
size_t evoke_tokenizer_n_vocab(const evoke_tokenizer *t) { return t->vocabulary.n; }
const char *evoke_tokenizer_kind(const evoke_tokenizer *t) { return t->name; }
int32_t evoke_tokenizer_bos(const evoke_tokenizer *t) { return t->bos; }
int32_t evoke_tokenizer_eos(const evoke_tokenizer *t) { return t->eos; }
const char *evoke_tokenizer_template(const evoke_tokenizer *t) { return t->template_text; }

static bool in_range(const evoke_tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->vocabulary.n;
}

bool evoke_tokenizer_is_end(const evoke_tokenizer *t, int32_t id)
{
    return in_range(t, id) && t->is_end[id];
}

const char *evoke_tokenizer_piece(const evoke_tokenizer *t, int32_t id)
{
    size_t n = 0;
    return in_range(t, id) ? evk_vocabulary_text(&t->vocabulary, id, &n) : NULL;
}

/* ---- text to ids ---- */
typedef struct run {
    const evoke_tokenizer *t;
    bool special;
    evk_normalize_scratch normalize;
    evk_pretokenize_scratch pretokenize;
    evk_encode_scratch encode;
    evk_sink out;
} run;

evoke_status evk_sink_add(evk_sink *s, int32_t id, size_t start, evoke_error *err)
{
    EVK_TRY(evk_grow(&s->ids, &s->ids_capacity, s->n + 1, sizeof *s->ids, err));
    EVK_TRY(evk_grow(&s->starts, &s->starts_capacity, s->n + 1, sizeof *s->starts, err));
    s->ids[s->n] = id;
    s->starts[s->n++] = start;
    return EVOKE_OK;
}

/* A passage without added tokens. */
static evoke_status encode_words(run *r, const evk_passage *p, evoke_error *err)
{
    EVK_TRY(evk_pretokenize(&r->t->pretokenizer, &p, &r->pretokenize, err));
    for (size_t i = 0; i < r->pretokenize.words.n; i++)
        EVK_TRY(r->t->kind->encode(r->t, p, r->pretokenize.words.item[i], &r->encode, &r->out, err));
    return EVOKE_OK;
}

/* A stretch of a passage, as a passage of its own. */
static evk_passage part_of(const evk_passage *p, size_t begin, size_t end)
{
    return (evk_passage){ .text = p->text + begin, .n = end - begin, .from = p->from ? p->from + begin : NULL,
                          .base = p->base + begin };
}

/* A stretch between the added tokens of the first kind. */
static evoke_status encode_stretch(run *r, const evk_passage *p, evoke_error *err)
{
    EVK_TRY(evk_normalize(&r->t->normalizer, &p, &r->normalize, &r->pretokenize.matcher, err));
    evk_added_search search = {0};
    for (bool more = true; more;) {
        const size_t begin = search.done;
        evk_span found = { p->n, p->n };
        const evk_added_token *token =
            evk_added_tokens_find(&r->t->added_normalized, p->text, p->n, r->special, &search, &found);
        if (begin < found.begin) {
            const evk_passage part = part_of(p, begin, found.begin);
            EVK_TRY(encode_words(r, &part, err));
        }
        if (token)
            EVK_TRY(evk_sink_add(&r->out, token->id, evk_passage_from(p, found.begin), err));
        more = token != NULL;
    }
    return EVOKE_OK;
}

static evoke_status encode_text(run *r, const char *text, size_t n, evoke_error *err)
{
    evk_added_search search = {0};
    for (bool more = true; more;) {
        const size_t begin = search.done;
        evk_span found = { n, n };
        const evk_added_token *token = evk_added_tokens_find(&r->t->added, text, n, r->special, &search, &found);
        if (begin < found.begin) {
            const evk_passage stretch = { .text = text + begin, .n = found.begin - begin, .base = begin };
            EVK_TRY(encode_stretch(r, &stretch, err));
        }
        if (token)
            EVK_TRY(evk_sink_add(&r->out, token->id, found.begin, err));
        more = token != NULL;
    }
    return EVOKE_OK;
}

static evoke_status add_affix(const evk_affix *a, size_t at, evk_sink *out, evoke_error *err)
{
    for (size_t i = 0; i < a->n; i++)
        EVK_TRY(evk_sink_add(out, a->ids[i], at, err));
    return EVOKE_OK;
}

evoke_status evk_sink_hand_over(evk_sink *s, evoke_ids *out, evoke_error *err)
{
    EVK_TRY(evk_grow(&s->ids, &s->ids_capacity, 1, sizeof *s->ids, err));
    EVK_TRY(evk_grow(&s->starts, &s->starts_capacity, 1, sizeof *s->starts, err));
    *out = (evoke_ids){ s->ids, s->starts, s->n };
    *s = (evk_sink){0};
    return EVOKE_OK;
}

evoke_status evk_tokenizer_encode(const evoke_tokenizer *t, const char *text, size_t n_bytes, bool special,
                                  evk_sink *out, evoke_error *err)
{
    EVK_TRY(evk_utf8_check(text, n_bytes, "tokenize", err));
    run r = { .t = t, .special = special, .out = *out };
    evoke_status st = evk_pretokenize_scratch_init(&r.pretokenize, n_bytes, err);
    if (st == EVOKE_OK)
        st = encode_text(&r, text, n_bytes, err);
    *out = r.out;
    evk_normalize_scratch_free(&r.normalize);
    evk_pretokenize_scratch_free(&r.pretokenize);
    evk_bpe_scratch_free(&r.encode.bpe);
    evk_buffer_free(&r.encode.text);
    free(r.encode.best);
    return st;
}

static evoke_status encode_framed(const evoke_tokenizer *t, const char *text, size_t n, bool special, evk_sink *out,
                                  evoke_error *err)
{
    size_t at = 0;
    for (size_t i = 0; i < t->single.n; i++) {
        const evk_frame_item *item = t->single.item + i;
        if (item->slot == EVK_SLOT_TOKEN) {
            EVK_TRY(evk_sink_add(out, item->id, at, err));
            continue;
        }
        EVK_TRY(evk_tokenizer_encode(t, text, n, special, out, err));
        at = n;
    }
    if (t->single.n > 0)
        return EVOKE_OK;
    EVK_TRY(add_affix(&t->prefix, 0, out, err));
    EVK_TRY(evk_tokenizer_encode(t, text, n, special, out, err));
    return add_affix(&t->suffix, n, out, err);
}

evoke_status evoke_tokenize(const evoke_tokenizer *t, const char *text, size_t n_bytes, unsigned flags,
                            evoke_ids *out, evoke_error *err)
{
    const bool special = (flags & EVOKE_TOKENIZE_PARSE_SPECIAL) != 0;
    evk_sink ids = {0};
    *out = (evoke_ids){0};
    evoke_status st = flags & EVOKE_TOKENIZE_ADD_SPECIAL ? encode_framed(t, text, n_bytes, special, &ids, err)
                                                         : evk_tokenizer_encode(t, text, n_bytes, special, &ids, err);
    if (st == EVOKE_OK)
        st = evk_sink_hand_over(&ids, out, err);
    free(ids.ids);
    free(ids.starts);
    return st;
}

void evoke_ids_free(evoke_ids *ids)
{
    if (!ids)
        return;
    free(ids->ids);
    free(ids->starts);
    *ids = (evoke_ids){0};
}

/* ---- ids to text ---- */
static evoke_status put_token(const evoke_tokenizer *t, int32_t id, bool special, evk_buffer *out, evoke_error *err)
{
    size_t n = 0;
    const char *text = evk_vocabulary_text(&t->vocabulary, id, &n);
    switch ((evk_token_kind)t->vocabulary.kind[id]) {
    case EVK_TOKEN_UNUSED:
        return EVOKE_OK;
    case EVK_TOKEN_NORMAL:
        return t->kind->decode(t, id, out, err);
    case EVK_TOKEN_CONTROL:
        return special ? evk_buffer_add(out, text, n, err) : EVOKE_OK;
    case EVK_TOKEN_USER:
        break;
    }
    return evk_buffer_add(out, text, n, err);
}

static void strip_spaces(evk_buffer *text, size_t most)
{
    size_t n = 0;
    while (n < most && n < text->n && text->data[n] == ' ')
        n++;
    if (n > 0)
        memmove(text->data, text->data + n, text->n - n + 1);
    text->n -= n;
}

static evoke_status put_tokens(const evoke_tokenizer *t, const int32_t *ids, size_t n, bool special, evk_buffer *out,
                               evoke_error *err)
{
    for (size_t i = 0; i < n; i++)
        EVK_TRY(put_token(t, ids[i], special, out, err));
    strip_spaces(out, t->strip_spaces);
    return EVOKE_OK;
}

/* Whether a text is that of a control token. */
static bool is_control_text(const evoke_tokenizer *t, const char *text, size_t n)
{
    size_t n_own = 0;
    const int32_t id = evk_tokenizer_find(t, text);
    const char *own = id >= 0 ? evk_vocabulary_text(&t->vocabulary, id, &n_own) : NULL;
    return own && t->vocabulary.kind[id] == EVK_TOKEN_CONTROL && n == n_own && memcmp(own, text, n) == 0;
}

/* As the decoder that the file declares has it, to which added tokens are tokens like any other. */
static evoke_status decode_declared(const evoke_tokenizer *t, const int32_t *ids, size_t n, bool special, evk_buffer *out,
                                    evoke_error *err)
{
    evk_pieces pieces = {0};
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; i < n && st == EVOKE_OK; i++) {
        size_t length = 0;
        const char *text = evk_vocabulary_text(&t->vocabulary, ids[i], &length);
        bool control = t->vocabulary.kind[ids[i]] == EVK_TOKEN_CONTROL;
        if (t->respelled && t->respelled[ids[i]]) {
            const evk_added_token *added = t->added_normalized.token + t->respelled[ids[i]] - 1;
            text = added->text;
            length = added->n;
            control = is_control_text(t, text, length);
        }
        if (t->vocabulary.kind[ids[i]] != EVK_TOKEN_UNUSED && (special || !control))
            st = evk_pieces_add(&pieces, text, length, err);
    }
    if (st == EVOKE_OK)
        st = evk_decode(&t->decoder, &pieces, err);
    if (st == EVOKE_OK) {
        *out = pieces.text;
        pieces.text = (evk_buffer){0};
    }
    evk_pieces_free(&pieces);
    return st;
}

evoke_status evoke_detokenize(const evoke_tokenizer *t, const int32_t *ids, size_t n, bool special,
                              evoke_text *out, evoke_error *err)
{
    evk_buffer text = {0};
    *out = (evoke_text){0};
    for (size_t i = 0; i < n; i++)
        if (!in_range(t, ids[i]))
            return evk_fail(err, EVOKE_EDATA, "detokenize: id %d at %zu is not in 0..%zu", (int)ids[i], i,
                            t->vocabulary.n - 1);
    evoke_status st = t->decoder.n > 0 ? decode_declared(t, ids, n, special, &text, err)
                                       : put_tokens(t, ids, n, special, &text, err);
    if (st == EVOKE_OK)
        st = evk_buffer_take(&text, out, err);
    evk_buffer_free(&text);
    return st;
}
