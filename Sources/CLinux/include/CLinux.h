int c_stub_1(void);
