/* experiments/bench_kernels.c: the speed of each kernel by instruction set; the table has a line a kernel. */
#include "experiments/bench_kernels.h"

#include <stdio.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/progress.h"

static const struct { const char *title, *name, *unit; } groups[EVOKE_N_KERNEL_GROUP] = {
    [EVOKE_KERNEL_FLOATS] = { "Sums of float32 products, GFLOP/s", "floats", "GFLOP/s" },
    [EVOKE_KERNEL_ELEMENTS] = { "Element by element, GB/s read and written", "elements", "GB/s" },
    [EVOKE_KERNEL_VALUES] = { "Stored weights into float32, GB/s read and written", "values", "GB/s" },
    [EVOKE_KERNEL_PACKED] = { "Packed weights times activations by digits, GOP/s of all digits, or as floats", "packed", "GOP/s" },
};

const char *cpu_name(char name[128])
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    *name = '\0';
    while (f && !*name && fgets(line, sizeof line, f))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':'))
            sscanf(strchr(line, ':') + 1, " %127[^\n]", name);
    if (f)
        fclose(f);
    return name;
}

/* ---- as a table ---- */

static void print_peaks(const evoke_kernel_speeds *s)
{
    char cpu[128];
    printf("%s, one thread, operands in cache\n\n%-36s", cpu_name(cpu), "at most, in registers");
    for (size_t i = 0; i < s->n_isas; i++)
        printf(" %10s", s->peaks[i].isa);
    printf("\n  %-34s", "floats, GFLOP/s");
    for (size_t i = 0; i < s->n_isas; i++)
        printf(" %10.1f", s->peaks[i].floats);
    printf("\n  %-34s", "integers, GOP/s");
    for (size_t i = 0; i < s->n_isas; i++)
        printf(" %10.1f", s->peaks[i].integers);
    printf("\n  GB/s: L1 read %.0f, write %.0f; L2 read %.0f, write %.0f\n", s->l1_read, s->l1_write, s->l2_read, s->l2_write);
}

/* A heading where a group or the size of its operands changes. */
static void print_heading(const evoke_kernel_speeds *s, const evoke_kernel_rate *r, const evoke_kernel_rate *before)
{
    const char *best = s->peaks[s->n_isas - 1].isa;
    if (!before || before->group != r->group) {
        printf("\n%-36s\n%-22s", groups[r->group].title, "");
        for (size_t i = 0; i < s->n_isas; i++)
            printf("%*s", i ? 11 : 7, s->peaks[i].isa);
        printf("  %s: times ref, share of bound\n", best);
    }
    if (!before || before->group != r->group || strcmp(before->size, r->size) != 0)
        printf(" %s\n", r->size);
}

static void print_table(const evoke_kernel_speeds *s)
{
    print_peaks(s);
    for (size_t k = 0; k < s->n_kernels; k++) {
        const evoke_kernel_rate *r = &s->rates[k * s->n_isas], *best = r + s->n_isas - 1;
        print_heading(s, r, k ? r - s->n_isas : NULL);
        printf("  %-27s", r->kernel);
        for (size_t i = 0; i < s->n_isas; i++)
            printf("%*.*f", i ? 11 : 7, r[i].rate < 10 ? 2 : 1, r[i].rate);
        printf("  %6.1f %4.0f %% of %s\n", best->speedup, 100 * best->rate / best->peak, best->bound);
    }
}

/* ---- as JSON ---- */

static json_t *peak_json(const evoke_core_peak *p)
{
    json_t *o = json_object();
    json_put(o, "isa", json_string(p->isa));
    json_put(o, "floats_gflops", json_number(p->floats));
    json_put(o, "integers_gops", json_number(p->integers));
    return o;
}

static json_t *rate_json(const evoke_kernel_rate *r)
{
    json_t *o = json_object();
    json_put(o, "kernel", json_string(r->kernel));
    json_put(o, "group", json_string(groups[r->group].name));
    json_put(o, "size", json_string(r->size));
    json_put(o, "isa", json_string(r->isa));
    json_put(o, "rate", json_number(r->rate));
    json_put(o, "unit", json_string(groups[r->group].unit));
    json_put(o, "times_ref", json_number(r->speedup));
    json_put(o, "bound", json_string(r->bound));
    json_put(o, "bound_rate", json_number(r->peak));
    json_put(o, "share", json_number(r->rate / r->peak));
    return o;
}

static evoke_status print_json(const evoke_kernel_speeds *s, evoke_error *err)
{
    json_t *o = json_object(), *isas = json_array(), *caches = json_object(), *kernels = json_array();
    char cpu[128];
    for (size_t i = 0; i < s->n_isas; i++)
        json_add(isas, peak_json(&s->peaks[i]));
    json_put(caches, "l1_read", json_number(s->l1_read));
    json_put(caches, "l1_write", json_number(s->l1_write));
    json_put(caches, "l2_read", json_number(s->l2_read));
    json_put(caches, "l2_write", json_number(s->l2_write));
    for (size_t i = 0; i < s->n_kernels * s->n_isas; i++)
        json_add(kernels, rate_json(&s->rates[i]));
    json_put(o, "cpu", json_string(cpu_name(cpu)));
    json_put(o, "peaks", isas);
    json_put(o, "caches_gb_s", caches);
    json_put(o, "kernels", kernels);
    return json_print(stdout, o, 5, err);
}

evoke_status bench_kernels(const options *o, evoke_error *err)
{
    evoke_kernel_speeds s;
    if (option_given(o, OPT_MODEL))
        return fail(err, EVOKE_EARG, "bench: --kernels takes no model");
    evoke_status st = evoke_measure_kernels(option_text(o, OPT_ISA), &s, err);
    if (st == EVOKE_OK && o->json)
        st = print_json(&s, err);
    else if (st == EVOKE_OK)
        print_table(&s);
    evoke_kernel_speeds_free(&s);
    return st;
}
