// Marks what both the CPU loops and the CUDA kernels call.
#pragma once
#ifdef __CUDACC__
#define SIL_HD __host__ __device__
#else
#define SIL_HD
#endif
