/* The judge against a direct computation with a session, and what must not change its scores: company, threads, the order in
 * which options are named. Texts are the project's own. */
#include "core/evoke.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { N_TEXT = 4, N_OPTION = 3, N_TOKEN = 512 };
static const char *const texts[N_TEXT] = {
    "I am so happy, what a wonderful day!", "", "Ich bin traurig. \xF0\x9F\x98\xA2",
    "We lost her last winter and the house has been silent ever since.",
};
static const char *const options[N_OPTION] = { "joy", "anger", "sadness" };
static const char question[] = "Text: {}\n\nIs it joy, anger or sadness?";

static void check_near(double x, double y)
{
    check(fabs(x - y) <= 1e-9, "%.17g is not %.17g", x, y);
}

/* log p of an option after the prompt, by a session of its own. */
static double by_session(const evoke_model *m, const char *text, const char *option)
{
    char content[1024];
    evoke_prompt p = {0};
    evoke_ids prompt = {0}, whole = {0};
    evoke_session *s = NULL;
    evoke_error err = {0};
    double sum = 0;
    snprintf(content, sizeof content, "Text: %s\n\nIs it joy, anger or sadness?", text);
    check(evoke_model_prompt(m, &(evoke_message){ "user", content }, 1, true, &p, &err) == EVOKE_OK &&
              evoke_tokenize(evoke_model_tokenizer(m), p.text.data, p.text.n, EVOKE_TOKENIZE_PARSE_SPECIAL, &prompt,
                             &err) == EVOKE_OK,
          "prompt: %s", err.text);
    char *with = malloc(p.text.n + strlen(option) + 1);
    sprintf(with, "%s%s", p.text.data, option);
    check(evoke_tokenize(evoke_model_tokenizer(m), with, strlen(with), EVOKE_TOKENIZE_PARSE_SPECIAL, &whole, &err) == EVOKE_OK &&
          evoke_session_new(m, N_TOKEN, &s, &err) == EVOKE_OK && whole.n > prompt.n, "session: %s", err.text);
    check(evoke_session_eval(s, whole.ids, prompt.n, &err) == EVOKE_OK, "%s", err.text);
    for (size_t t = prompt.n; t < whole.n; t++) {
        const float *logits = evoke_session_logits(s);
        double all = 0;
        for (size_t v = 0; v < evoke_tokenizer_n_vocab(evoke_model_tokenizer(m)); v++)
            all += exp((double)logits[v]);
        sum += (double)logits[whole.ids[t]] - log(all);
        check(evoke_session_eval(s, &whole.ids[t], 1, &err) == EVOKE_OK, "%s", err.text);
    }
    evoke_session_free(s);
    evoke_prompt_free(&p);
    evoke_ids_free(&prompt);
    evoke_ids_free(&whole);
    free(with);
    return sum;
}

static bool judge(const evoke_model *m, const evoke_judge_options *how, const char *const *about, size_t n, double *scores)
{
    evoke_judge *j = NULL;
    evoke_error err = {0};
    const bool ok = evoke_judge_new(m, how, &j, &err) == EVOKE_OK &&
                    evoke_judge_read(j, about, n, NULL, scores, &err) == EVOKE_OK;
    evoke_judge_free(j);
    return check(ok, "judge: %s", err.text);
}

static void test_direct(const evoke_model *m)
{
    double scores[N_TEXT][N_OPTION], worst = 0;
    if (!judge(m, &(evoke_judge_options){ .question = question, .options = options, .n_option = N_OPTION, .uncalibrated = true },
               texts, N_TEXT, scores[0]))
        return;
    for (size_t i = 0; i < N_TEXT; i++) {
        double want[N_OPTION], all = 0;
        for (size_t o = 0; o < N_OPTION; o++)
            all += exp(want[o] = by_session(m, texts[i], options[o]));
        for (size_t o = 0; o < N_OPTION; o++)
            worst = fmax(worst, fabs(scores[i][o] - (want[o] - log(all))));
    }
    check(worst < 1e-4, "scores are off the session's by %g", worst);
}

/* Calibration takes off what texts without content score: on the average of them every option is as likely. */
static void test_calibrated(const evoke_model *m)
{
    static const char *const free_of_content[] = { "", "N/A", "[MASK]" };
    double raw[3][N_OPTION], scores[3][N_OPTION], one[N_TEXT][N_OPTION], bias[N_OPTION] = {0};
    const evoke_judge_options how = { .question = question, .options = options, .n_option = N_OPTION };
    evoke_judge_options uncalibrated = how;
    uncalibrated.uncalibrated = true;
    if (!judge(m, &uncalibrated, free_of_content, 3, raw[0]) || !judge(m, &how, free_of_content, 3, scores[0]) ||
        !judge(m, &how, texts, N_TEXT, one[0]))
        return;
    for (size_t i = 0; i < 3; i++)
        for (size_t o = 0; o < N_OPTION; o++)
            bias[o] += raw[i][o] / 3;
    for (size_t i = 0; i < 3; i++)
        for (size_t o = 1; o < N_OPTION; o++)
            check_near(scores[i][o] - scores[i][0], raw[i][o] - bias[o] - (raw[i][0] - bias[0]));
    check(one[0][0] > one[0][1] && one[0][0] > one[0][2], "a happy text is joy: %g, anger %g, sadness %g", one[0][0], one[0][1],
          one[0][2]);
}

/* A rotated list gives the same scores where all orders are averaged, and company and threads never matter. */
static void test_invariance(const evoke_model *m, const evoke_model *two)
{
    static const char *const rotated[N_OPTION] = { "sadness", "joy", "anger" };
    evoke_judge_options how = { .question = "Text: {}\n\nIs it {options}?", .options = options, .n_option = N_OPTION };
    double all[N_TEXT][N_OPTION], threads[N_TEXT][N_OPTION], alone[N_OPTION], turned[N_TEXT][N_OPTION];
    if (!judge(m, &how, texts, N_TEXT, all[0]) || !judge(two, &how, texts, N_TEXT, threads[0]))
        return;
    check(memcmp(all, threads, sizeof all) == 0, "scores are the same on one and two threads");
    for (size_t i = 0; i < N_TEXT; i++)
        check(judge(m, &how, &texts[i], 1, alone) && memcmp(all[i], alone, sizeof alone) == 0, "text %zu alone", i);
    how.options = rotated;
    if (!judge(m, &how, texts, N_TEXT, turned[0]))
        return;
    for (size_t i = 0; i < N_TEXT; i++)
        for (size_t o = 0; o < N_OPTION; o++)
            check_near(turned[i][(o + 1) % N_OPTION], all[i][o]);
}

static void test_long_and_bad(const evoke_model *m)
{
    static char text[96001];
    double scores[N_OPTION];
    const char *about = text;
    evoke_judge *j = NULL;
    evoke_error err = {0};
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = "ab \xC3\xA9."[i % 6];
    check(judge(m, &(evoke_judge_options){ .options = options, .n_option = N_OPTION }, &about, 1, scores) && isfinite(scores[0]),
          "96 kB are judged by their beginning");
    about = "";
    check(judge(m, &(evoke_judge_options){ .question = "{}", .options = options, .n_option = N_OPTION }, &about, 1, scores) &&
          isfinite(scores[0]), "a question that is the text alone");
    evoke_judge_options how = { .question = "What?", .options = options, .n_option = N_OPTION };
    check(evoke_judge_new(m, &how, &j, &err) == EVOKE_EARG && strstr(err.text, "no {}"), "%s", err.text);
    how = (evoke_judge_options){ .options = options, .n_option = 1 };
    check(evoke_judge_new(m, &how, &j, &err) == EVOKE_EARG, "%s", err.text);
    about = "\xFF";
    how.n_option = N_OPTION;
    check(evoke_judge_new(m, &how, &j, &err) == EVOKE_OK &&
          evoke_judge_read(j, &about, 1, NULL, scores, &err) == EVOKE_EDATA && strstr(err.text, "UTF-8"), "%s", err.text);
    evoke_judge_free(j);
}

int main(void)
{
    char path[512];
    evoke_model *m = NULL, *two = NULL;
    evoke_error err = {0};
    if (!golden_real_model(path, sizeof path)) {
        check_skip("judge", "the default model is not in the cache; experiments/quickstart.sh gets it");
        return check_done();
    }
    check(evoke_model_open(path, &(evoke_model_options){ .n_threads = 1 }, &m, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_model_open(path, &(evoke_model_options){ .n_threads = 2 }, &two, &err) == EVOKE_OK, "%s", err.text);
    if (m && two) {
        test_direct(m);
        if (SANITIZED) {
            check_skip("judge, the rest", "a real model takes minutes in a sanitised build");
        } else {
            test_calibrated(m);
            test_invariance(m, two);
            test_long_and_bad(m);
        }
    }
    evoke_model_free(m);
    evoke_model_free(two);
    return check_done();
}
