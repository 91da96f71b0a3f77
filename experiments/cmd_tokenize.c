/* experiments/cmd_tokenize.c: text to ids and back, with or without the chat template. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/chat_input.h"
#include "experiments/files.h"
#include "experiments/json_out.h"

static const struct poptOption own[] = {
    { "model", 'm', POPT_ARG_STRING, NULL, OPT_MODEL, "GGUF file, Hugging Face folder or tokenizer.json", "FILE" },
    { "prompt", 'p', POPT_ARG_STRING, NULL, OPT_PROMPT, "one text (with --decode: one list of ids)", "TEXT" },
    { "file", 'f', POPT_ARG_STRING, NULL, OPT_FILE, "JSON array of texts (with --decode: of lists of ids)", "FILE" },
    { "add-special", 0, POPT_ARG_NONE, NULL, OPT_ADD_SPECIAL, "begin and end as the model's own rules have it", NULL },
    { "parse-special", 0, POPT_ARG_NONE, NULL, OPT_PARSE_SPECIAL, "the text of a control token becomes that token",
      NULL },
    { "decode", 0, POPT_ARG_NONE, NULL, OPT_DECODE, "from ids to text", NULL },
    { "chat", 0, POPT_ARG_STRING, NULL, OPT_CHAT, "JSON array of conversations, through the chat template", "FILE" },
    { "template", 0, POPT_ARG_STRING, NULL, OPT_TEMPLATE, "chat template instead of the model's own", "FILE" },
    { "var", 0, POPT_ARG_STRING, NULL, OPT_VAR, "a variable of the template; may be repeated", "NAME=VALUE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "-m MODEL (-p TEXT | -f TEXTS.json | --decode -f IDS.json | --chat CONVERSATIONS.json)",
    .about = "Text to token ids and back. A conversation is {\"messages\": [{\"role\":, \"content\":}],\n"
             "\"add_generation_prompt\": true or false}. Without -m, --template and --chat give text only. The time that a\n"
             "template asks for is SOURCE_DATE_EPOCH where that is set.\n"
             "  --json: [[ids], ...];  --decode: [\"text\", ...];  --chat: [{\"text\":, \"ids\":} or {\"error\":}, ...]",
    .examples = "  evoke tokenize -m model.gguf -p \"Hello, world\"\n"
                "  evoke tokenize -m model.gguf -f texts.json --parse-special --json\n"
                "  evoke tokenize -m model.gguf --decode -p \"[1, 2, 3]\"\n"
                "  evoke tokenize --template chat.jinja --chat conversations.json --var bos_token=\"<s>\" --json\n",
    .own = own,
};

/* ---- text to ids ---- */
static evoke_status print_pieces(const evoke_tokenizer *t, const evoke_ids *ids, evoke_error *err)
{
    for (size_t i = 0; i < ids->n; i++) {
        const char *piece = evoke_tokenizer_piece(t, ids->ids[i]);
        json_t *text = json_text(piece ? piece : "", piece ? strlen(piece) : 0);
        printf("%7d  ", (int)ids->ids[i]);
        const evoke_status st = json_print(stdout, text, 9, err);
        if (st != EVOKE_OK)
            return st;
    }
    printf("%zu tokens\n", ids->n);
    return EVOKE_OK;
}

static evoke_status encode_one(const options *o, const evoke_tokenizer *t, const char *text, size_t n, json_t *all,
                               evoke_error *err)
{
    evoke_ids ids = { 0 };
    const unsigned flags = (option_given(o, OPT_ADD_SPECIAL) ? EVOKE_TOKENIZE_ADD_SPECIAL : 0u) |
                           (option_given(o, OPT_PARSE_SPECIAL) ? EVOKE_TOKENIZE_PARSE_SPECIAL : 0u);
    evoke_status st = evoke_tokenize(t, text, n, flags, &ids, err);
    if (st == EVOKE_OK && all)
        json_add(all, json_ids(ids.ids, ids.n));
    else if (st == EVOKE_OK)
        st = print_pieces(t, &ids, err);
    evoke_ids_free(&ids);
    return st;
}

static evoke_status encode(const options *o, const evoke_tokenizer *t, json_t *all, evoke_error *err)
{
    const char *prompt = option_text(o, OPT_PROMPT), *path = option_text(o, OPT_FILE);
    json_t *root = NULL, *item;
    size_t i;
    if (prompt)
        return encode_one(o, t, prompt, strlen(prompt), all, err);
    evoke_status st = json_read(path, &root, err);
    if (st == EVOKE_OK && !json_is_array(root))
        st = fail(err, EVOKE_EFORMAT, "read texts: not a JSON array of texts (%s)", path);
    if (st == EVOKE_OK)
        json_array_foreach(root, i, item) {
            st = json_is_string(item)
                 ? encode_one(o, t, json_string_value(item), json_string_length(item), all, err)
                 : fail(err, EVOKE_EFORMAT, "read texts: item %zu is no text (%s)", i + 1, path);
            if (st != EVOKE_OK)
                break;
        }
    json_decref(root);
    return st;
}

/* ---- ids to text ---- */
static evoke_status decode_one(const evoke_tokenizer *t, const int32_t *ids, size_t n, json_t *all, evoke_error *err)
{
    evoke_text text = { 0 };
    const evoke_status st = evoke_detokenize(t, ids, n, true, &text, err);
    if (st == EVOKE_OK && all)
        json_add(all, json_text(text.data, text.n));
    else if (st == EVOKE_OK) {
        fwrite(text.data, 1, text.n, stdout);
        putchar('\n');
    }
    evoke_text_free(&text);
    return st;
}

static evoke_status decode_text(const evoke_tokenizer *t, const char *text, const char *what, json_t *all,
                                evoke_error *err)
{
    int32_t *ids = NULL;
    size_t n = 0;
    evoke_status st = parse_ids(text, what, &ids, &n, err);
    if (st == EVOKE_OK)
        st = decode_one(t, ids, n, all, err);
    free(ids);
    return st;
}

/* [[ids], ...], or [ids] as one list. */
static evoke_status decode_json(const evoke_tokenizer *t, json_t *root, const char *path, json_t *all, evoke_error *err)
{
    json_t *item;
    size_t i;
    const bool lists = json_array_size(root) == 0 || json_is_array(json_array_get(root, 0));
    evoke_status st = EVOKE_OK;
    json_array_foreach(root, i, item) {
        char *text = json_dumps(lists ? item : root, JSON_ENCODE_ANY | JSON_COMPACT);
        st = text ? decode_text(t, text, path, all, err) : fail(err, EVOKE_ENOMEM, "read ids: no memory");
        free(text);
        if (st != EVOKE_OK || !lists)
            break;
    }
    return st;
}

/* A list a line, numbers separated by blanks or commas. */
static evoke_status decode_lines(const evoke_tokenizer *t, char *text, const char *path, json_t *all, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    for (char *line = text; st == EVOKE_OK && line && *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (line[strspn(line, " \t\r")])
            st = decode_text(t, line, path, all, err);
        line = end ? end + 1 : NULL;
    }
    return st;
}

static evoke_status decode(const options *o, const evoke_tokenizer *t, json_t *all, evoke_error *err)
{
    const char *prompt = option_text(o, OPT_PROMPT), *path = option_text(o, OPT_FILE);
    char *text = NULL;
    json_t *root = NULL;
    if (prompt)
        return decode_text(t, prompt, "-p", all, err);
    evoke_status st = file_read(path, &text, NULL, err);
    if (st == EVOKE_OK && text[strspn(text, " \t\r\n")] == '[') {
        st = json_read(path, &root, err);
        if (st == EVOKE_OK && !json_is_array(root))
            st = fail(err, EVOKE_EFORMAT, "read ids: not a JSON array (%s)", path);
        if (st == EVOKE_OK)
            st = decode_json(t, root, path, all, err);
    } else if (st == EVOKE_OK) {
        st = decode_lines(t, text, path, all, err);
    }
    json_decref(root);
    free(text);
    return st;
}

/* ---- conversations ---- */
typedef struct renderer {
    const evoke_tokenizer *tokenizer;       /* NULL: text only */
    const evoke_template *template;
    const variables *vars;
} renderer;

static evoke_status show_prompt(const renderer *r, const evoke_prompt *p, json_t *all, evoke_error *err)
{
    evoke_ids ids = { 0 };
    evoke_status st = EVOKE_OK;
    if (r->tokenizer)
        st = evoke_prompt_tokenize(p, r->tokenizer, 0, 0, 0, &ids, NULL, NULL, err);
    if (st == EVOKE_OK && all) {
        json_t *item = json_object();
        json_put(item, "text", json_text(p->text.data, p->text.n));
        if (r->tokenizer)
            json_put(item, "ids", json_ids(ids.ids, ids.n));
        json_add(all, item);
    } else if (st == EVOKE_OK) {
        fwrite(p->text.data, 1, p->text.n, stdout);
        putchar('\n');
        if (r->tokenizer)
            st = print_pieces(r->tokenizer, &ids, err);
    }
    evoke_ids_free(&ids);
    return st;
}

/* What the template itself refuses is a result; anything else is an error of the command. */
static evoke_status render_one(const renderer *r, const conversation *c, size_t number, json_t *all, evoke_error *err)
{
    evoke_prompt p = { 0 };
    evoke_error why = { EVOKE_OK, "" };
    evoke_status st = evoke_template_render(r->template, c->messages, c->n, c->add_generation_prompt, r->vars->list,
                                            r->vars->n, &p, &why);
    if (st == EVOKE_OK)
        st = show_prompt(r, &p, all, err);
    else if (st == EVOKE_ENOMEM)
        fail(err, st, "%s", why.text);
    else if (all) {
        json_t *item = json_object();
        json_put(item, "error", json_text(why.text, strlen(why.text)));
        json_add(all, item);
        st = EVOKE_OK;
    } else {
        printf("conversation %zu: %s\n", number, why.text);
        st = EVOKE_OK;
    }
    evoke_prompt_free(&p);
    return st;
}

static evoke_status chat(const options *o, const evoke_tokenizer *t, json_t *all, evoke_error *err)
{
    const char *path = option_text(o, OPT_CHAT);
    evoke_template *template = NULL;
    variables vars = { 0 };
    json_t *root = NULL;
    evoke_status st = template_open(o, t, &template, err);
    if (st == EVOKE_OK)
        st = variables_read(o, t, &vars, err);
    if (st == EVOKE_OK)
        st = json_read(path, &root, err);
    if (st == EVOKE_OK && !json_is_array(root))
        st = fail(err, EVOKE_EFORMAT, "read conversations: not a JSON array (%s)", path);
    const renderer r = { t, template, &vars };
    for (size_t i = 0; st == EVOKE_OK && i < json_array_size(root); i++) {
        conversation c = { 0 };
        st = conversation_read(json_array_get(root, i), path, i + 1, &c, err);
        if (st == EVOKE_OK)
            st = render_one(&r, &c, i + 1, all, err);
        conversation_free(&c);
    }
    json_decref(root);
    variables_free(&vars);
    evoke_template_free(template);
    return st;
}

/* ---- the command ---- */
static evoke_status check(const options *o, evoke_error *err)
{
    const bool p = option_given(o, OPT_PROMPT), f = option_given(o, OPT_FILE), c = option_given(o, OPT_CHAT);
    const char *path = NULL;
    if (p + f + c != 1)
        return fail(err, EVOKE_EARG, "tokenize: give %s (-p TEXT, -f FILE or --chat FILE)",
                    p + f + c ? "one of the three" : "something to tokenise");
    if (c && option_given(o, OPT_DECODE))
        return fail(err, EVOKE_EARG, "tokenize: --decode takes ids (-p or -f), --chat conversations");
    if (!c && (option_given(o, OPT_TEMPLATE) || option_given(o, OPT_VAR)))
        return fail(err, EVOKE_EARG, "tokenize: --template and --var are for --chat");
    if (c && option_given(o, OPT_TEMPLATE))
        return EVOKE_OK;
    if (c && !option_given(o, OPT_MODEL))
        return fail(err, EVOKE_EARG, "tokenize: --chat needs a chat template (-m MODEL or --template FILE)");
    return option_need(o, OPT_MODEL, "tokenize", &path, err);
}

evoke_status cmd_tokenize(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_tokenizer *t = NULL;
    json_t *all = NULL;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st != EVOKE_OK || o.done)
        goto done;
    st = check(&o, err);
    if (st == EVOKE_OK)
        st = template_check(&o, err);
    if (st == EVOKE_OK && option_given(&o, OPT_MODEL))
        st = evoke_tokenizer_open(option_text(&o, OPT_MODEL), &t, err);
    if (st == EVOKE_OK && o.json && !(all = json_array()))
        st = fail(err, EVOKE_ENOMEM, "tokenize: no memory");
    if (st == EVOKE_OK && option_given(&o, OPT_CHAT))
        st = chat(&o, t, all, err);
    else if (st == EVOKE_OK)
        st = option_given(&o, OPT_DECODE) ? decode(&o, t, all, err) : encode(&o, t, all, err);
    if (st == EVOKE_OK && all) {
        st = json_print(stdout, all, 9, err);
        all = NULL;
    }
done:
    json_decref(all);
    evoke_tokenizer_free(t);
    options_free(&o);
    return st;
}
