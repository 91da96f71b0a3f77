/* layers/prompt_tokenize.c: which ids a part of a message became, against the definition done slowly: a token belongs
 * where one of its bytes is a rendered byte of that part. */
#include "core/evoke.h"

#include "core/random.h"
#include "tests/layers/tokenizers/variant.h"

static const char *const contents[2] = { "Hello with 1234 \xe4\xb8\xad\xe6\x96\x87 and foo", "  the end  " };

/* <|im_start|>A[8..end of the first]<|im_end|>B[all of the second]<|im_end|>C[the first again]: a template may cut, and
 * repeat. */
static evoke_prompt make_prompt(char *text, evoke_piece pieces[3])
{
    const size_t n0 = strlen(contents[0]), n1 = strlen(contents[1]);
    size_t n = (size_t)sprintf(text, "<|im_start|>A%s", contents[0] + 6);
    pieces[0] = (evoke_piece){ 13, n, 0, 6 };
    n += (size_t)sprintf(text + n, "<|im_end|>B");
    pieces[1] = (evoke_piece){ n, n + n1, 1, 0 };
    n += (size_t)sprintf(text + n, "%s<|im_end|>C", contents[1]);
    pieces[2] = (evoke_piece){ n, n + n0, 0, 0 };
    n += (size_t)sprintf(text + n, "%s", contents[0]);
    return (evoke_prompt){ { text, n }, pieces, 3 };
}

static void check_range(const evoke_prompt *p, const evoke_tokenizer *t, size_t message, size_t begin, size_t end)
{
    evoke_ids ids = {0};
    size_t first = 99, last = 99, low = 0, high = 0;
    check(evoke_prompt_tokenize(p, t, message, begin, end, &ids, &first, &last, NULL) == EVOKE_OK, "tokenize");
    for (size_t i = 0; i < ids.n; i++) {
        const size_t stop = i + 1 < ids.n ? ids.starts[i + 1] : p->text.n;
        bool in = false;
        for (size_t b = ids.starts[i]; b < stop; b++)
            for (size_t k = 0; k < p->n_pieces; k++) {
                const evoke_piece *q = p->pieces + k;
                const size_t at = b - q->begin + q->offset;
                in |= q->message == message && b >= q->begin && b < q->end && at >= begin && at < end;
            }
        low = in && low == high ? i : low;
        high = in ? i + 1 : high;
    }
    check((low == high && first == last) || (first == low && last == high), "message %zu, bytes %zu to %zu: ids %zu to "
          "%zu, not %zu to %zu", message, begin, end, first, last, low, high);
    evoke_ids_free(&ids);
}

int main(int argc, char **argv)
{
    json_t *json = variant_json(argc > 1 ? argv[1] : ".", NULL);
    evoke_tokenizer *t = NULL;
    evk_random random;
    char text[512];
    evoke_piece pieces[3];
    evoke_ids ids = {0};
    size_t first = 7, last = 7;
    const evoke_prompt p = make_prompt(text, pieces);
    check(evk_tokenizer_from_json(json, "tiny", &t, NULL) == EVOKE_OK, "open");
    evk_random_stream(&random, 3, 0);
    for (int i = 0; t && i < 400; i++) {
        const size_t message = (size_t)evk_random_below(&random, 2), n = strlen(contents[message]) + 3;
        const size_t begin = (size_t)evk_random_below(&random, n), end = (size_t)evk_random_below(&random, n);
        check_range(&p, t, message, begin, end);
    }
    check_range(&p, t, 0, 0, SIZE_MAX);
    check(evoke_prompt_tokenize(&p, t, 2, 0, 100, &ids, &first, &last, NULL) == EVOKE_OK && first == last &&
          ids.ids[0] == 1, "a message that is not there; the special token at the beginning is parsed");
    evoke_ids_free(&ids);
    check(evoke_prompt_tokenize(&p, t, 0, 0, 1, &ids, NULL, NULL, NULL) == EVOKE_OK, "without a range");
    evoke_ids_free(&ids);
    evoke_tokenizer_free(t);
    json_decref(json);
    return check_done();
}
