/* A GGUF file: opened, and all that it says read. */
#include "tests/fuzz/fuzz.h"

#include "tests/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    evoke_weights *w = NULL;
    evoke_error err;
    if (fuzz_ok(evoke_weights_open(fuzz_write("x.gguf", data, size), &w, &err), &err))
        fuzz_touch_weights(w);
    evoke_weights_free(w);
    return 0;
}

static void put_key(bytes *b, const char *key, uint32_t type)
{
    put_string(b, key);
    put_number(b, type, 4);
}

/* Every type of value, two tensors, an alignment of 8. */
static void make_all_types(bytes *b)
{
    static const size_t width[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };
    put_text(b, "GGUF");
    put_number(b, 3, 4), put_number(b, 2, 8), put_number(b, 26, 8);
    put_key(b, "general.alignment", 4), put_number(b, 8, 4);
    put_key(b, "text", 8), put_string(b, "some text");
    put_key(b, "texts", 9), put_number(b, 8, 4), put_number(b, 2, 8), put_string(b, "one"), put_string(b, "");
    put_key(b, "none", 9), put_number(b, 6, 4), put_number(b, 0, 8);
    for (uint32_t type = 0; type < 13; type++) {
        const char scalar[] = { 's', (char)('a' + type), '\0' }, array[] = { 'a', (char)('a' + type), '\0' };
        if (!width[type])
            continue;
        put_key(b, scalar, type), put_number(b, 1, width[type]);
        put_key(b, array, 9), put_number(b, type, 4), put_number(b, 3, 8);
        for (size_t i = 0; i < 3; i++)
            put_number(b, i & 1, width[type]);
    }
    put_string(b, "one"), put_number(b, 3, 4), put_number(b, 32, 8), put_number(b, 2, 8), put_number(b, 1, 8);
    put_number(b, 3, 4), put_number(b, 0, 8);
    put_string(b, "two"), put_number(b, 1, 4), put_number(b, 3, 8), put_number(b, 20, 4), put_number(b, 40, 8);
    pad(b, 8);
    for (uint64_t i = 0; i < 56; i++)
        put_number(b, i, 1);
}

size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity)
{
    static bytes b;
    if (i > 0)
        return 0;
    b.n = 0;
    make_all_types(&b);
    if (b.n > capacity)
        return 0;
    memcpy(out, b.data, b.n);
    return b.n;
}
