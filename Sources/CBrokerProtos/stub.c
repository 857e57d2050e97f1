int c_stub_2(void){return 0;}
