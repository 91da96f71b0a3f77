/* The smallest use of libevoke: open a model, run a prompt, print the next token.  cc example.c $(pkg-config --cflags --libs evoke) */
#include <evoke.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    evoke_error err;
    evoke_model *model = NULL;
    evoke_session *session = NULL;
    evoke_ids ids = {0};
    int status = 1;
    if (argc < 2 || evoke_model_open(argv[1], NULL, &model, &err) != EVOKE_OK)
        goto done;
    const evoke_tokenizer *t = evoke_model_tokenizer(model);
    if (!t || evoke_tokenize(t, "Hello there", 11, EVOKE_TOKENIZE_ADD_SPECIAL, &ids, &err) != EVOKE_OK)
        goto done;
    if (evoke_session_new(model, 0, &session, &err) != EVOKE_OK || evoke_session_eval(session, ids.ids, ids.n, &err) != EVOKE_OK)
        goto done;
    const float *logits = evoke_session_logits(session);
    size_t best = 0;
    for (size_t i = 1; i < evoke_model_describe(model)->n_vocab; i++)
        best = logits[i] > logits[best] ? i : best;
    printf("next token: %zu (%s)\n", best, evoke_tokenizer_piece(t, (int32_t)best));
    status = 0;
done:
    if (status)
        fprintf(stderr, "%s\n", argc < 2 ? "usage: example MODEL" : err.text);
    evoke_session_free(session);
    evoke_ids_free(&ids);
    evoke_model_free(model);
    return status;
}
