int c_stub_1(void){return 0;}
