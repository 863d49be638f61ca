/** uPlot with its style, in a part of its own: the first view is there before it. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export { uPlot };
