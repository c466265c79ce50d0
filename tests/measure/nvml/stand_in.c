/* A stand-in for NVIDIA's libnvidia-ml.so.1: GPUs of known wattage whose energy counters move every 100 ms.

   Energy is watts times the machine's monotonic clock, so that every process sees the same counters. Settings are
   `name=value` for all GPUs and `name.index=value` for one, from the variable NVML_STAND_IN, separated by spaces,
   or at run time by stand_in_set("name.index=value"):

     gpus=1           how many there are (only from the variable)
     init=0           error code of nvmlInit
     watts=100        what it draws; changing it does not change the past
     period_ms=100    how often its counter moves
     limit_watts=400  its enforced power limit; 0: not supported
     model=1          the number in its name
     error=0          error code of every other question about it
     counter=1        0: no energy counter
     power=1          0: no power reading
     stuck=0          1: its counter stands still from now on
     reset=0          1: its counter starts again at zero now
     mig=-1           -1: from before MIG, 0: whole, n: split into n instances
     process=0        id of a process that computes on it; each one adds another

   All GPUs are lost while the file named by NVML_STAND_IN_LOST exists. A process that sets stand_in_now_s has a clock of
   its own.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15 };
enum { MOST_GPUS = 8, MOST_INSTANCES = 7, MOST_PROCESSES = 16 };

typedef struct gpu gpu;
struct gpu {
    gpu *parent; /* of a MIG instance */
    int index, error, counter, power, mig, model, stuck;
    double watts, before_watts, period_s, limit_watts;
    double set_s, set_joules; /* when the watts were set, and the energy until then */
    double zero_joules;       /* what was taken off by resets */
    double stuck_joules;
    unsigned processes[MOST_PROCESSES], process_count;
};

typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned gpu, memory; } utilization;
typedef struct { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; } process;

static gpu gpus[MOST_GPUS];
static gpu instances[MOST_GPUS][MOST_INSTANCES];
static unsigned gpu_count = 1;
static int init_error, configured;

double stand_in_now_s = 0;

static double now_s(void) {
    struct timespec now;
    if (stand_in_now_s > 0) return stand_in_now_s;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double energy_at(const gpu *one, double at_s) {
    double watts = at_s < one->set_s ? one->before_watts : one->watts;
    return one->set_joules + watts * (at_s - one->set_s);
}

static double counted(const gpu *one) { /* as of the last time that the counter moved */
    long long periods = (long long)(now_s() / one->period_s);
    return energy_at(one, (double)periods * one->period_s) - one->zero_joules;
}

static void set_one(gpu *one, const char *name, double value) {
    if (!strcmp(name, "watts")) {
        double at_s = now_s();
        if (configured) {
            one->set_joules = energy_at(one, at_s);
            one->set_s = at_s;
        }
        one->before_watts = configured ? one->watts : value;
        one->watts = value;
    } else if (!strcmp(name, "period_ms")) one->period_s = value / 1000;
    else if (!strcmp(name, "limit_watts")) one->limit_watts = value;
    else if (!strcmp(name, "model")) one->model = (int)value;
    else if (!strcmp(name, "error")) one->error = (int)value;
    else if (!strcmp(name, "counter")) one->counter = (int)value;
    else if (!strcmp(name, "power")) one->power = (int)value;
    else if (!strcmp(name, "stuck")) one->stuck_joules = counted(one), one->stuck = (int)value;
    else if (!strcmp(name, "reset")) one->zero_joules += counted(one);
    else if (!strcmp(name, "mig")) one->mig = (int)value;
    else if (!strcmp(name, "process") && one->process_count < MOST_PROCESSES)
        one->processes[one->process_count++] = (unsigned)value;
    else fprintf(stderr, "stand-in NVML: nothing is called %s\n", name), abort();
}

void stand_in_set(const char *setting) {
    char name[64];
    double value;
    int index = -1;
    if (sscanf(setting, "%63[a-z_].%d=%lf", name, &index, &value) != 3) {
        index = -1;
        if (sscanf(setting, "%63[a-z_]=%lf", name, &value) != 2) fprintf(stderr, "stand-in NVML: %s?\n", setting), abort();
    }
    if (!strcmp(name, "gpus")) gpu_count = (unsigned)value;
    else if (!strcmp(name, "init")) init_error = (int)value;
    else
        for (int place = 0; place < MOST_GPUS; place++)
            if (index < 0 || index == place) set_one(&gpus[place], name, value);
}

static void configure(void) {
    if (configured) return;
    for (int place = 0; place < MOST_GPUS; place++) {
        gpus[place] = (gpu){.index = place, .counter = 1, .power = 1, .mig = -1, .model = 1, .watts = 100,
                            .before_watts = 100, .period_s = 0.1, .limit_watts = 400};
        for (int nth = 0; nth < MOST_INSTANCES; nth++)
            instances[place][nth] = (gpu){.parent = &gpus[place], .index = nth};
    }
    const char *settings = getenv("NVML_STAND_IN");
    char *copy = strdup(settings ? settings : "");
    for (char *one = strtok(copy, " "); one; one = strtok(NULL, " ")) stand_in_set(one);
    free(copy);
    configured = 1;
}

#define REFUSE_IF(condition, code) do { if (condition) return (code); } while (0)
#define REFUSE_IF_BROKEN(one) REFUSE_IF(lost() || (one)->error, lost() ? GPU_IS_LOST : (one)->error)

static int lost(void) {
    const char *file = getenv("NVML_STAND_IN_LOST");
    return file && access(file, F_OK) == 0;
}

int nvmlInitWithFlags(unsigned flags) { (void)flags; configure(); return init_error; }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int code) { return code == 999 ? "Unknown Error" : "an error"; }

int nvmlSystemGetDriverVersion(char *text, unsigned size) { snprintf(text, size, "570.00"); return SUCCESS; }

int nvmlDeviceGetCount_v2(unsigned *count) { *count = gpu_count; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, gpu **one) {
    REFUSE_IF(index >= gpu_count, INVALID_ARGUMENT);
    *one = &gpus[index];
    return gpus[index].error;
}

int nvmlDeviceGetName(gpu *one, char *text, unsigned size) {
    REFUSE_IF_BROKEN(one);
    snprintf(text, size, "Stand-in %d", one->model);
    return SUCCESS;
}

int nvmlDeviceGetUUID(gpu *one, char *text, unsigned size) {
    REFUSE_IF_BROKEN(one);
    if (one->parent) snprintf(text, size, "MIG-%d%d000000-feed-0000-0000-000000000000", one->parent->index, one->index);
    else snprintf(text, size, "GPU-%d0000000-cafe-0000-0000-000000000000", one->index);
    return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(gpu *one, unsigned long long *millijoules) {
    REFUSE_IF_BROKEN(one);
    REFUSE_IF(!one->counter, NOT_SUPPORTED);
    *millijoules = (unsigned long long)(1000 * (one->stuck ? one->stuck_joules : counted(one)));
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(gpu *one, unsigned *milliwatts) {
    REFUSE_IF_BROKEN(one);
    REFUSE_IF(!one->power, NOT_SUPPORTED);
    *milliwatts = (unsigned)(1000 * one->watts);
    return SUCCESS;
}

int nvmlDeviceGetEnforcedPowerLimit(gpu *one, unsigned *milliwatts) {
    REFUSE_IF_BROKEN(one);
    REFUSE_IF(one->limit_watts <= 0, NOT_SUPPORTED);
    *milliwatts = (unsigned)(1000 * one->limit_watts);
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(gpu *one, memory *found) {
    REFUSE_IF_BROKEN(one);
    *found = (memory){.total = 1ull << 34, .free = 1ull << 33, .used = 1ull << 33};
    return SUCCESS;
}

int nvmlDeviceGetTemperature(gpu *one, int sensor, unsigned *celsius) {
    (void)sensor;
    REFUSE_IF_BROKEN(one);
    *celsius = 40;
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(gpu *one, utilization *found) {
    REFUSE_IF_BROKEN(one);
    *found = (utilization){.gpu = 50, .memory = 10};
    return SUCCESS;
}

int nvmlDeviceGetComputeMode(gpu *one, int *mode) { REFUSE_IF_BROKEN(one); *mode = 0; return SUCCESS; }

int nvmlDeviceGetComputeRunningProcesses_v3(gpu *one, unsigned *count, process *found) {
    REFUSE_IF_BROKEN(one);
    unsigned room = *count;
    *count = one->process_count;
    REFUSE_IF(room < one->process_count, INSUFFICIENT_SIZE);
    for (unsigned nth = 0; nth < one->process_count; nth++)
        found[nth] = (process){.pid = one->processes[nth], .memory = 1 << 20};
    return SUCCESS;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(gpu *one, unsigned *count, process *found) {
    (void)found;
    REFUSE_IF_BROKEN(one);
    *count = 0;
    return SUCCESS;
}

int nvmlDeviceGetMigMode(gpu *one, unsigned *current, unsigned *pending) {
    REFUSE_IF_BROKEN(one);
    REFUSE_IF(one->mig < 0, NOT_SUPPORTED);
    *current = *pending = one->mig > 0;
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(gpu *one, unsigned *count) { REFUSE_IF_BROKEN(one); *count = MOST_INSTANCES; return SUCCESS; }

int nvmlDeviceGetMigDeviceHandleByIndex(gpu *one, unsigned index, gpu **instance) {
    REFUSE_IF_BROKEN(one);
    REFUSE_IF((int)index >= one->mig, NOT_FOUND);
    *instance = &instances[one->index][index];
    return SUCCESS;
}
