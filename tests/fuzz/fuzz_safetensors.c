/* A safetensors file: opened, and all that it says read. */
#include "tests/fuzz/fuzz.h"

#include "tests/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    evoke_weights *w = NULL;
    evoke_error err;
    if (fuzz_ok(evoke_weights_open(fuzz_write("x.safetensors", data, size), &w, &err), &err))
        fuzz_touch_weights(w);
    evoke_weights_free(w);
    return 0;
}

size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity)
{
    static const char *const headers[] = {
        "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
        "\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[12,16]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[8,12]},"
        "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
        "\"c\":{\"dtype\":\"F4\",\"shape\":[8],\"data_offsets\":[12,16]}}",
    };
    static bytes b;
    if (i >= sizeof headers / sizeof *headers)
        return 0;
    b.n = 0;
    put_string(&b, headers[i]);
    for (uint64_t k = 0; k < 16; k++)
        put_number(&b, k, 1);
    if (b.n > capacity)
        return 0;
    memcpy(out, b.data, b.n);
    return b.n;
}
