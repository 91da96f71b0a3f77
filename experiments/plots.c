#include "experiments/plots.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

void plot_name(FILE *f, const char *name)
{
    for (; *name; name++)
        fputc(*name == '"' || *name == '\\' || *name == '`' || (unsigned char)*name < ' ' ? '\'' : *name, f);
}

void plot_cell(FILE *f, double x)
{
    if (isfinite(x))
        fprintf(f, " %.9g", x);
    else
        fputs(" NaN", f);
}

static void begin(FILE *f, const char *folder, const char *name)
{
    fputs("set terminal svg size 900,540 noenhanced background '#ffffff'\nset output '", f);
    for (const char *c = folder; *c; c++)
        fprintf(f, *c == '\'' ? "''" : "%c", *c);
    fprintf(f, "/%s.svg'\nset key outside right\nset grid\n", name);
}

static evoke_status write_script(const plot *p, const char *folder, const void *what, const char *path, evoke_error *err)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return fail(err, EVOKE_EIO, "draw figures: %s (%s)", strerror(errno), path);
    begin(f, folder, p->name);
    p->draw(f, what);
    const bool ok = !ferror(f);
    return fclose(f) == 0 && ok ? EVOKE_OK : fail(err, EVOKE_EIO, "draw figures: cannot write (%s)", path);
}

static evoke_status run_gnuplot(char *path, evoke_error *err)
{
    char *const argv[] = { "gnuplot", path, NULL };
    pid_t child = 0;
    int status = 0;
    posix_spawn_file_actions_t quiet;                   /* gnuplot's remarks on empty ranges */
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const int failed = posix_spawnp(&child, "gnuplot", &quiet, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (failed == ENOENT)
        return fail(err, EVOKE_EIO, "draw figures: gnuplot is not installed (apt-get install gnuplot-nox); its scripts are there,"
                    " without the pictures (%s)", path);
    if (failed)
        return fail(err, EVOKE_EIO, "draw figures: gnuplot: %s (%s)", strerror(failed), path);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    const bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return ok ? EVOKE_OK : fail(err, EVOKE_EIO, "draw figures: gnuplot failed (%s)", path);
}

evoke_status plots_draw(const char *folder, const plot *plots, size_t n, const void *what, evoke_error *err)
{
    char path[4096];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return fail(err, EVOKE_EIO, "draw figures: %s (%s)", strerror(errno), folder);
    evoke_status st = EVOKE_OK;
    for (size_t turn = 0; turn < 2 && st == EVOKE_OK; turn++)           /* all scripts first: they stay where gnuplot lacks */
        for (size_t i = 0; i < n && st == EVOKE_OK; i++) {
            if ((size_t)snprintf(path, sizeof path, "%s/%s.gp", folder, plots[i].name) >= sizeof path)
                return fail(err, EVOKE_EARG, "draw figures: the folder's name is too long");
            st = turn ? run_gnuplot(path, err) : write_script(&plots[i], folder, what, path, err);
        }
    return st;
}
